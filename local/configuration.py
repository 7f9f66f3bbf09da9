"""The configuration files of the components. Each setting that is not a default has its reason beside it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from local import kubeconfig, paths, pki, settings, toolchain

if TYPE_CHECKING:
    from pathlib import Path

    from local.debian import Packages

SOCKET = paths.RUN / "containerd" / "containerd.sock"
CGROUP = "slipway"
CNI_CONFIG = paths.CONFIG / "cni"
REGISTRY_HOSTS = paths.CONFIG / "certs.d"
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


def pause_image() -> str:
    """The image that holds a pod's namespaces; its tag is the hash of what the program is built from."""
    return f"slipway.dev/pause:{toolchain.module_of('pause').home.name}"


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
        path("registry.yaml"): _dump(_registry()),
        path("containerd.toml"): _containerd(packages),
        CNI_CONFIG / "10-slipway.conflist": json.dumps(_network(), indent=2) + "\n",
        RESOLV_CONF: "".join(f"nameserver {address}\n" for address in nameservers),
        **_registry_hosts(),
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
        "containerRuntimeEndpoint": f"unix://{SOCKET}",
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


def _registry() -> dict[str, Any]:
    return {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": str(paths.registry_storage())},
            "delete": {"enabled": True},
            "cache": {"blobdescriptor": "inmemory"},
        },
        "http": {"addr": settings.REGISTRY, "secret": "one process, so nothing to share"},
    }


def _registry_hosts() -> dict[Path, str]:
    """Every image is looked for in the local registry first; what it lacks comes from where its name says.

    containerd goes on to the upstream by itself, so on a machine that reaches the public registries the local one steps
    aside for all that nobody pushed to it.
    """
    mirror = f'[host."http://{settings.REGISTRY}"]\n  capabilities = ["pull", "resolve"]\n'
    own = f'server = "http://{settings.REGISTRY}"\n\n[host."http://{settings.REGISTRY}"]\n'
    return {
        REGISTRY_HOSTS / "_default" / "hosts.toml": mirror,
        REGISTRY_HOSTS / "docker.io" / "hosts.toml": f'server = "https://registry-1.docker.io"\n\n{mirror}',
        REGISTRY_HOSTS / f"localhost:{settings.REGISTRY_PORT}" / "hosts.toml": own,
        REGISTRY_HOSTS / f"127.0.0.1:{settings.REGISTRY_PORT}" / "hosts.toml": own,
    }


def _network() -> dict[str, Any]:
    """Pods on a bridge of their own, addresses by host-local, host ports by portmap.

    `firewall` accepts the pods' traffic where the machine's FORWARD policy is DROP (Docker sets that).
    """
    return {
        "cniVersion": "0.4.0",
        "name": "slipway",
        "plugins": [
            {
                "type": "bridge",
                "bridge": settings.POD_BRIDGE,
                "isGateway": True,
                "ipMasq": True,
                "hairpinMode": True,
                "ipam": {
                    "type": "host-local",
                    # Below /run: after a reboot no address is taken, because no pod is.
                    "dataDir": str(paths.RUN / "cni"),
                    "ranges": [[{"subnet": settings.POD_NETWORK}]],
                    "routes": [{"dst": "0.0.0.0/0"}],
                },
            },
            {"type": "portmap", "capabilities": {"portMappings": True}},
            {"type": "firewall", "backend": "iptables"},
        ],
    }


def _containerd(packages: Packages) -> str:
    return f"""\
version = 2
root = "{paths.STATE}/containerd"
state = "{SOCKET.parent}/state"
# What is not used is not loaded; some of these fail loudly where the kernel lacks them.
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs", "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]

[grpc]
  address = "{SOCKET}"

[plugins."io.containerd.internal.v1.opt"]
  path = "{paths.STATE}/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{pause_image()}"
  # Without CAP_SYS_RESOURCE (containers, some virtual machines) lowering it fails the container's start.
  restrict_oom_score_adj = true
  # Everything that is mounted is mounted below our run directory.
  netns_mounts_under_state_dir = true
  max_concurrent_downloads = 6

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{packages.cni_plugins}"
    conf_dir = "{CNI_CONFIG}"

  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "{REGISTRY_HOSTS}"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "{packages.program("runc")}"
        Root = "{paths.RUN}/runc"
        SystemdCgroup = false
"""
