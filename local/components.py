"""The cluster's components: their names, the ports and tools they need, and the order in which they end."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from local import control_plane, node, settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.debian import Packages
    from local.processes import Component

# The order in which they are stopped: what starts others first, what others need last.
STOP_ORDER = (
    ("kubelet",),
    ("kube-proxy", "loadbalancer", "kube-scheduler", "kube-controller-manager"),
    ("kube-apiserver",),
    ("etcd", "containerd", "registry"),
)
NAMES = tuple(name for group in STOP_ORDER for name in group)

# Ports that must be free, with who wants them: (address, port, component).
PORTS = (
    ("127.0.0.1", 2379, "etcd"),
    ("127.0.0.1", 2380, "etcd"),
    ("127.0.0.1", 2381, "etcd"),
    (settings.NODE_ADDRESS, settings.API_PORT, "kube-apiserver"),
    ("127.0.0.1", 10257, "kube-controller-manager"),
    ("127.0.0.1", 10259, "kube-scheduler"),
    (settings.NODE_ADDRESS, 10250, "kubelet"),
    ("127.0.0.1", 10248, "kubelet"),
    ("127.0.0.1", 10249, "kube-proxy"),
    ("127.0.0.1", 10256, "kube-proxy"),
    ("127.0.0.1", 10270, "loadbalancer"),
    ("127.0.0.1", settings.REGISTRY_PORT, "registry"),
)

TOOLS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
    "kubelet",
    "kubectl",
    "etcd",
    "cri",
    "loadbalancer",
)


def build(tools: Mapping[str, Path], packages: Packages) -> dict[str, Component]:
    """All components by name; the certificates and configuration files they name must exist already."""
    plain = {"PATH": packages.search_path}
    runtime = {**packages.environment(), **_proxy_variables()}
    return {
        component.name: component
        for component in (
            node.registry(packages),
            node.containerd(packages, tools["cri"], runtime),
            control_plane.etcd(tools["etcd"], plain),
            control_plane.apiserver(tools["kube-apiserver"], plain),
            control_plane.controller_manager(tools["kube-controller-manager"], plain),
            control_plane.scheduler(tools["kube-scheduler"], plain),
            node.kubelet(tools["kubelet"], packages.environment()),
            node.kube_proxy(tools["kube-proxy"], packages.environment()),
            node.loadbalancer(tools["loadbalancer"], plain),
        )
    }


def _proxy_variables() -> dict[str, str]:
    """The machine's proxy settings, for pulling images; our own ranges never go through it."""
    names = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR")
    found = {name: os.environ[name] for name in names if os.environ.get(name)}
    existing = os.environ.get("NO_PROXY") or os.environ.get("no_proxy")
    return {**found, "NO_PROXY": ",".join(filter(None, (existing, settings.NO_PROXY)))}
