"""The configuration of the container runtime: containerd, the network of its pods, and where images come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from local import paths, settings, toolchain

if TYPE_CHECKING:
    from pathlib import Path

    from local.debian import Packages

SOCKET = paths.RUN / "containerd" / "containerd.sock"
CNI_CONFIG = paths.CONFIG / "cni"
_REGISTRY_HOSTS = paths.CONFIG / "certs.d"


def pause_image() -> str:
    """The image that holds a pod's namespaces; its tag is the hash of what the program is built from."""
    return f"slipway.dev/pause:{toolchain.module_of('pause').home.name}"


def registry() -> dict[str, Any]:
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


def registry_hosts() -> dict[Path, str]:
    """Every image is looked for in the local registry first; what it lacks comes from where its name says.

    containerd goes on to the upstream by itself, so on a machine that reaches the public registries the local one steps
    aside for all that nobody pushed to it.
    """
    mirror = f'[host."http://{settings.REGISTRY}"]\n  capabilities = ["pull", "resolve"]\n'
    own = f'server = "http://{settings.REGISTRY}"\n\n[host."http://{settings.REGISTRY}"]\n'
    return {
        _REGISTRY_HOSTS / "_default" / "hosts.toml": mirror,
        _REGISTRY_HOSTS / "docker.io" / "hosts.toml": f'server = "https://registry-1.docker.io"\n\n{mirror}',
        _REGISTRY_HOSTS / f"localhost:{settings.REGISTRY_PORT}" / "hosts.toml": own,
        _REGISTRY_HOSTS / f"127.0.0.1:{settings.REGISTRY_PORT}" / "hosts.toml": own,
    }


def network() -> dict[str, Any]:
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


def containerd(packages: Packages) -> str:
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
    config_path = "{_REGISTRY_HOSTS}"

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
