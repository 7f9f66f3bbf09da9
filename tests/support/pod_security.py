"""Evaluates pods against the Pod Security Standards, as the API server's admission does (Linux pods).

The rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/ for Kubernetes 1.36.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.data import Data, items, mapping, texts, value

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = ("privileged", "baseline", "restricted")
_BASELINE_CAPABILITIES = {
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
}
_SAFE_SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
_SELINUX_TYPES = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_APPARMOR_ANNOTATION = "container.apparmor.security.beta.kubernetes.io/"
_POD = "the pod"


def containers(pod: Data) -> list[Data]:
    """All containers of a pod: init, ordinary and ephemeral."""
    return [item for key in ("initContainers", "containers", "ephemeralContainers") for item in items(pod, "spec", key)]


def _contexts(pod: Data) -> Iterator[tuple[str, Data]]:
    yield _POD, mapping(pod, "spec", "securityContext")
    for container in containers(pod):
        yield f"container {container['name']}", mapping(container, "securityContext")


def _own_user_namespace(pod: Data) -> bool:
    return value(pod, "spec", "hostUsers") is False


def _host_access(pod: Data) -> Iterator[str]:
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if value(pod, "spec", key):
            yield f"{key} is set"
    for volume in items(pod, "spec", "volumes"):
        if volume.get("hostPath") is not None:
            yield f"volume {volume['name']} is a hostPath"
    for container in containers(pod):
        for port in items(container, "ports"):
            if port.get("hostPort"):
                yield f"container {container['name']} takes host port {port['hostPort']}"


def _probe_hosts(pod: Data) -> Iterator[str]:
    for container in containers(pod):
        asked = [mapping(container, key) for key in ("livenessProbe", "readinessProbe", "startupProbe")]
        asked += [mapping(container, "lifecycle", key) for key in ("postStart", "preStop")]
        for handler in asked:
            for way in ("httpGet", "tcpSocket"):
                if host := value(handler, way, "host"):
                    yield f"container {container['name']} asks host {host} in a probe or lifecycle hook"


def _apparmor(pod: Data) -> Iterator[str]:
    for key, given in mapping(pod, "metadata", "annotations").items():
        allowed = given in ("", "runtime/default") or given.startswith("localhost/")
        if key.startswith(_APPARMOR_ANNOTATION) and not allowed:
            yield f"annotation {key} is {given}"
    for where, context in _contexts(pod):
        if (kind := value(context, "appArmorProfile", "type")) not in (None, "RuntimeDefault", "Localhost"):
            yield f"AppArmor profile of {where} is {kind}"


def _selinux(pod: Data) -> Iterator[str]:
    for where, context in _contexts(pod):
        options = mapping(context, "seLinuxOptions")
        if options.get("type") not in _SELINUX_TYPES:
            yield f"SELinux type of {where} is {options['type']}"
        for key in ("user", "role"):
            if options.get(key):
                yield f"SELinux {key} of {where} is {options[key]}"


def _kernel(pod: Data) -> Iterator[str]:
    for where, context in _contexts(pod):
        if value(context, "windowsOptions", "hostProcess"):
            yield f"{where} is a Windows host process"
        if context.get("privileged"):
            yield f"{where} is privileged"
        if value(context, "seccompProfile", "type") == "Unconfined":
            yield f"seccomp of {where} is Unconfined"
        for sysctl in items(context, "sysctls"):
            if sysctl["name"] not in _SAFE_SYSCTLS:
                yield f"sysctl {sysctl['name']} is not safe"
        if context.get("procMount") not in (None, "Default") and not _own_user_namespace(pod):
            yield f"procMount of {where} is {context['procMount']}"


def baseline(pod: Data) -> list[str]:
    """What keeps a pod from the level `baseline`."""
    added = [
        f"container {container['name']} adds capability {capability}"
        for container in containers(pod)
        for capability in texts(container, "securityContext", "capabilities", "add")
        if capability not in _BASELINE_CAPABILITIES
    ]
    return [*_host_access(pod), *_probe_hosts(pod), *_apparmor(pod), *_selinux(pod), *_kernel(pod), *added]


def _restricted_container(pod: Data, container: Data) -> Iterator[str]:
    name, own = f"container {container['name']}", mapping(container, "securityContext")
    if own.get("procMount") not in (None, "Default"):
        yield f"procMount of {name} is {own['procMount']}"
    if value(pod, "spec", "os", "name") == "windows":
        return
    if own.get("allowPrivilegeEscalation") is not False:
        yield f"{name} may escalate privileges"
    if "ALL" not in texts(own, "capabilities", "drop"):
        yield f"{name} does not drop ALL capabilities"
    for capability in texts(own, "capabilities", "add"):
        if capability != "NET_BIND_SERVICE":
            yield f"{name} adds capability {capability}"
    profile = mapping(own, "seccompProfile") or mapping(pod, "spec", "securityContext", "seccompProfile")
    if profile.get("type") not in ("RuntimeDefault", "Localhost"):
        yield f"{name} has no seccomp profile"


def _users(pod: Data) -> Iterator[str]:
    if _own_user_namespace(pod):
        return
    inherited = value(pod, "spec", "securityContext", "runAsNonRoot") is True
    for where, context in _contexts(pod):
        given = context.get("runAsNonRoot")
        if given is False or (given is None and not inherited and where != _POD):
            yield f"{where} may run as root (runAsNonRoot)"
        if context.get("runAsUser") == 0:
            yield f"{where} runs as user 0"


def restricted(pod: Data) -> list[str]:
    """What keeps a pod from the level `restricted`."""
    # A volume without any source is an emptyDir: the API server fills that in before admission looks.
    volumes = [
        f"volume {volume['name']} is of a restricted type"
        for volume in items(pod, "spec", "volumes")
        if {key for key, given in volume.items() if given is not None} - {"name"} - _RESTRICTED_VOLUMES
    ]
    each = [problem for container in containers(pod) for problem in _restricted_container(pod, container)]
    return [*baseline(pod), *volumes, *each, *_users(pod)]


def violations(level: str, pod: Data) -> list[str]:
    """What keeps a pod from a level.

    Raises:
        ValueError: There is no such level.
    """
    if level not in LEVELS:
        raise ValueError(f"no Pod Security level: {level}")
    if level == "privileged":
        return []
    return restricted(pod) if level == "restricted" else baseline(pod)
