"""What keeps a pod from the Pod Security level `restricted`, by a list of what such pods may say: all else departs.
Stricter than https://kubernetes.io/docs/concepts/security/pod-security-standards/, which names what is forbidden."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.data import Data, items, mapping, value

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHARED = {"runAsGroup", "runAsNonRoot", "runAsUser", "seccompProfile"}
_POD = {*_SHARED, "fsGroup", "fsGroupChangePolicy", "supplementalGroups", "sysctls"}
_CONTAINER = {*_SHARED, "allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"}
_VOLUMES = {"configMap", "downwardAPI", "emptyDir", "persistentVolumeClaim", "projected", "secret"}
_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start"}
_ASKED = ("livenessProbe", "readinessProbe", "startupProbe")


def departures(pod: Data) -> list[str]:
    """What of a pod or pod template departs; what reaches the host begins with `host`."""
    spec, own = mapping(pod, "spec"), mapping(pod, "spec", "securityContext")
    containers = [item for key in ("initContainers", "containers", "ephemeralContainers") for item in items(spec, key)]
    return [
        *(key for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if key in spec and spec[key] is not False),
        *("hostPath" if "hostPath" in volume else str(volume) for volume in items(spec, "volumes") if _odd(volume)),
        *(key for key in mapping(pod, "metadata", "annotations") if "apparmor" in key),
        *sorted(own.keys() - _POD),
        *(sysctl["name"] for sysctl in items(own, "sysctls") if sysctl["name"] not in _SYSCTLS),
        *(f"{what} of {container['name']}" for container in containers for what in _of_container(own, container)),
    ]


def _odd(volume: Data) -> bool:
    return not volume.keys() - {"name"} <= _VOLUMES


def _of_container(pod: Data, container: Data) -> Iterator[str]:
    own = {**{key: pod[key] for key in _SHARED & pod.keys()}, **mapping(container, "securityContext")}
    hooks = [mapping(container, key) for key in _ASKED]
    hooks += [mapping(container, "lifecycle", key) for key in ("postStart", "preStop")]
    good = {
        "host port": not any(port.get("hostPort") for port in items(container, "ports")),
        "a question to another host": not any(value(h, way, "host") for h in hooks for way in ("httpGet", "tcpSocket")),
        "another field": own.keys() <= _CONTAINER,
        "allowPrivilegeEscalation": own.get("allowPrivilegeEscalation") is False,
        "capabilities": own.get("capabilities") == {"drop": ["ALL"]},
        "seccompProfile": value(own, "seccompProfile", "type") in ("RuntimeDefault", "Localhost"),
        "root": own.get("runAsNonRoot") is True and own.get("runAsUser") != 0,
    }
    yield from (what for what, holds in good.items() if not holds)
