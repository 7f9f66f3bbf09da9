"""The configuration files of the components. Each setting that is not a default has its reason beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from local import kubeconfig, paths, pki, runtime, settings

if TYPE_CHECKING:
    from pathlib import Path

    from local.debian import Packages

CGROUP = "slipway"
RESOLV_CONF = paths.CONFIG / "resolv.conf"
VOLUMES = paths.STATE / "volumes"
KUBELET = paths.STATE / "kubelet"

# With TLS 1.2; the suites of 1.3 are not chosen. Authenticated encryption with forward secrecy, for our ECDSA keys
# (CIS Kubernetes Benchmark: strong cryptographic ciphers).
CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
)

# The components that talk to the API server, each with its own client certificate.
KUBECONFIGS = ("controller-manager", "scheduler", "kubelet", "proxy", "loadbalancer")


@dataclass(frozen=True)
class Files:
    """Configuration files by path; `write` puts them in place, mode 0600."""

    contents: dict[Path, str]

    def write(self) -> None:
        for path, content in self.contents.items():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            pki.write_private(path, content)


def path(name: str) -> Path:
    """The configuration file `name`."""
    return paths.CONFIG / name


def files(packages: Packages, nameservers: list[str]) -> Files:
    """All configuration files.

    Args:
        packages: where containerd finds its helpers.
        nameservers: the machine's DNS servers that a pod can reach (no loopback ones).
    """
    contents = {
        path("apiserver-authentication.yaml"): _dump(_authentication()),
        path("apiserver-encryption.yaml"): _dump(_encryption(pki.encryption_key(paths.PKI))),
        path("apiserver-audit.yaml"): _dump(_audit()),
        path("kubelet.yaml"): _dump(_kubelet()),
        path("proxy.yaml"): _dump(_proxy()),
        path("registry.yaml"): _dump(runtime.registry()),
        path("containerd.toml"): runtime.containerd(packages),
        runtime.CNI_CONFIG / "10-slipway.conflist": json.dumps(runtime.network(), indent=2) + "\n",
        RESOLV_CONF: "".join(f"nameserver {address}\n" for address in nameservers),
        **runtime.registry_hosts(),
    }
    for name in KUBECONFIGS:
        text = _dump(kubeconfig.build(paths.PKI, name, name))
        contents[path(f"{name}.kubeconfig")] = text
    return Files(contents)


def _dump(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def _authentication() -> dict[str, Any]:
    """Nobody is let in without credentials, except to ask whether the server lives."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "anonymous": {
            "enabled": True,
            "conditions": [{"path": path} for path in ("/livez", "/readyz", "/healthz")],
        },
    }


def _encryption(key: str) -> dict[str, Any]:
    """Secrets are encrypted in etcd's files; `identity` reads what was written before."""
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "EncryptionConfiguration",
        "resources": [
            {
                "resources": ["secrets"],
                "providers": [{"secretbox": {"keys": [{"name": "key1", "secret": key}]}}, {"identity": {}}],
            }
        ],
    }


def _audit() -> dict[str, Any]:
    """Who changed what, without bodies (they may hold secrets) and without the components' own heartbeat."""
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "nonResourceURLs": ["/healthz*", "/livez*", "/readyz*", "/version", "/open*", "/api*"]},
            {"level": "None", "resources": [{"group": "coordination.k8s.io", "resources": ["leases"]}]},
            {"level": "None", "resources": [{"group": "", "resources": ["events"]}, {"group": "events.k8s.io"}]},
            {"level": "Metadata", "resources": [{"group": "", "resources": ["secrets"]}]},
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "None", "userGroups": ["system:nodes"], "verbs": ["update", "patch"]},
            {"level": "Metadata"},
        ],
    }  # fmt: skip


def _kubelet() -> dict[str, Any]:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        # Reachable for the API server and for metrics-server, on the node's own bridge only.
        "address": settings.NODE_ADDRESS,
        "readOnlyPort": 0,
        "healthzBindAddress": "127.0.0.1",
        "authentication": {
            "anonymous": {"enabled": False},
            "webhook": {"enabled": True},
            "x509": {"clientCAFile": str(pki.certificate(paths.PKI, "ca"))},
        },
        "authorization": {"mode": "Webhook"},
        "tlsCertFile": str(pki.certificate(paths.PKI, "kubelet-server")),
        "tlsPrivateKeyFile": str(pki.key(paths.PKI, "kubelet-server")),
        "tlsMinVersion": "VersionTLS12",
        "tlsCipherSuites": list(CIPHERS),
        # Nobody profiles the kubelet from afar, or changes what it logs.
        "enableProfilingHandler": False,
        "enableDebugFlagsHandler": False,
        # A pod that forks without end takes its own processes, not the machine's.
        "podPidsLimit": 4096,
        "clusterDNS": [settings.DNS_ADDRESS],
        "clusterDomain": settings.DOMAIN,
        "resolvConf": str(RESOLV_CONF),
        "containerRuntimeEndpoint": f"unix://{runtime.SOCKET}",
        # cgroupfs works with and without systemd; cgroup v1 is refused by default since 1.35 but works.
        "cgroupDriver": "cgroupfs",
        "failCgroupV1": False,
        # One cgroup above all pods: everything of ours can be found and removed again.
        "cgroupRoot": f"/{CGROUP}",
        "failSwapOn": False,
        "seccompDefault": True,
        "maxPods": settings.MAX_PODS,
        # The defaults evict pods when a tenth of the disk is free; a developer's disk is often fuller than that.
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "500Mi", "imagefs.available": "500Mi"},
        # Images come from the local registry and are shared with nothing: no collecting because others fill the disk.
        "imageGCHighThresholdPercent": 100,
        "imageGCLowThresholdPercent": 99,
        "serializeImagePulls": False,
        "maxParallelImagePulls": 4,
        "registryPullQPS": 0,
        "podLogsDir": str(paths.LOG / "pods"),
        "volumePluginDir": str(KUBELET / "volume-plugins"),
        # A lost config map or secret update is noticed at once instead of within a minute.
        "configMapAndSecretChangeDetectionStrategy": "Watch",
        "logging": {"verbosity": 1},
    }


def _proxy() -> dict[str, Any]:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "hostnameOverride": settings.NODE,
        "clientConnection": {"kubeconfig": str(path("proxy.kubeconfig"))},
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clusterCIDR": settings.POD_NETWORK,
        # The nftables mode does not answer node ports on 127.0.0.1.
        "mode": "iptables",
        # Endpoints that come and go are followed within a tenth of a second; the default waits for one.
        "iptables": {"localhostNodePorts": True, "minSyncPeriod": "100ms", "syncPeriod": "30s"},
        # Node ports answer on this machine alone, not on its outside addresses.
        "nodePortAddresses": ["127.0.0.0/8", settings.NODE_NETWORK],
        # 0: leave the machine's connection tracking limits alone.
        "conntrack": {
            "maxPerCore": 0,
            "min": 0,
            "tcpEstablishedTimeout": "0s",
            "tcpCloseWaitTimeout": "0s",
            "udpTimeout": "0s",
            "udpStreamTimeout": "0s",
        },
    }
