"""What makes the machine a node, with its registry: how each program is started and asked whether it works."""

from __future__ import annotations

from typing import TYPE_CHECKING

from local import configuration, paths, pki, probe, runtime, settings
from local.processes import Component
from local.supervisor import succeeds

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from local.debian import Packages


def registry(packages: Packages) -> Component:
    config = configuration.path("registry.yaml")
    return Component(
        name="registry",
        command=(str(packages.program("docker-registry")), "serve", str(config)),
        healthy=probe.http_check(f"http://{settings.REGISTRY}/v2/"),
        environment={"PATH": packages.search_path, "OTEL_TRACES_EXPORTER": "none"},
        files=(config,),
    )


def containerd(packages: Packages, cri: Path, environment: Mapping[str, str]) -> Component:
    config = configuration.path("containerd.toml")
    return Component(
        name="containerd",
        command=(str(packages.program("containerd")), "--config", str(config), "--log-level", "warn"),
        healthy=lambda: succeeds([str(cri), "-socket", str(runtime.SOCKET), "-timeout", "4s", "version"], {}),
        environment=environment,
        files=(config,),
    )


def kubelet(program: Path, environment: Mapping[str, str]) -> Component:
    config, access = configuration.path("kubelet.yaml"), configuration.path("kubelet.kubeconfig")
    return Component(
        name="kubelet",
        command=(
            str(program),
            f"--config={config}",
            f"--kubeconfig={access}",
            f"--root-dir={configuration.KUBELET}",
            f"--cert-dir={configuration.KUBELET / 'pki'}",
            f"--hostname-override={settings.NODE}",
            f"--node-ip={settings.NODE_ADDRESS}",
            "--node-labels=topology.kubernetes.io/region=local,topology.kubernetes.io/zone=local",
        ),
        healthy=probe.http_check("http://127.0.0.1:10248/healthz"),
        environment=environment,
        files=(
            config,
            access,
            configuration.RESOLV_CONF,
            pki.certificate(paths.PKI, "ca"),
            *pki.pair(paths.PKI, "kubelet-server"),
        ),
    )


def kube_proxy(program: Path, environment: Mapping[str, str]) -> Component:
    config, access = configuration.path("proxy.yaml"), configuration.path("proxy.kubeconfig")
    return Component(
        name="kube-proxy",
        command=(str(program), f"--config={config}"),
        healthy=probe.http_check("http://127.0.0.1:10256/healthz"),
        environment=environment,
        files=(config, access),
    )


def loadbalancer(program: Path, environment: Mapping[str, str]) -> Component:
    access = configuration.path("loadbalancer.kubeconfig")
    return Component(
        name="loadbalancer",
        command=(
            str(program),
            f"-kubeconfig={access}",
            f"-first={settings.POOL_FIRST}",
            f"-last={settings.POOL_LAST}",
            "-health-address=127.0.0.1:10270",
        ),
        healthy=probe.http_check("http://127.0.0.1:10270/healthz"),
        environment=environment,
        files=(access,),
    )
