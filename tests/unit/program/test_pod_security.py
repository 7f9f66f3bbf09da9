"""The evaluator of the Pod Security Standards: each rule refuses what it is there for, and upstream's pods agree."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local import paths
from tests.support.data import mapping
from tests.support.pod_security import violations

if TYPE_CHECKING:
    from pathlib import Path

GOOD: dict[str, Any] = {
    "metadata": {"name": "good"},
    "spec": {
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "main",
                "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
            }
        ],
    },
}

# What is merged into the good pod (into its spec, or into its container), and the strictest level that still admits it.
SPEC: dict[str, tuple[dict[str, Any], str]] = {
    "host network": ({"hostNetwork": True}, "privileged"),
    "host pid": ({"hostPID": True}, "privileged"),
    "host ipc": ({"hostIPC": True}, "privileged"),
    "hostPath": ({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}, "privileged"),
    "nfs": ({"volumes": [{"name": "v", "nfs": {"server": "s", "path": "/"}}]}, "baseline"),
    "emptyDir": ({"volumes": [{"name": "v", "emptyDir": {}}]}, "restricted"),
    "sysctl": ({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}}, "privileged"),
    "safe sysctl": (
        {"securityContext": {"sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]}},
        "restricted",
    ),
    "no seccomp": ({"securityContext": {"seccompProfile": None}}, "baseline"),
    "seccomp off": ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "privileged"),
    "may be root": ({"securityContext": {"runAsNonRoot": None}}, "baseline"),
    "root allowed": ({"securityContext": {"runAsNonRoot": False}}, "baseline"),
    "user 0": ({"securityContext": {"runAsUser": 0}}, "baseline"),
    "selinux": ({"securityContext": {"seLinuxOptions": {"type": "spc_t"}}}, "privileged"),
    "selinux role": ({"securityContext": {"seLinuxOptions": {"role": "r"}}}, "privileged"),
    "apparmor": ({"securityContext": {"appArmorProfile": {"type": "Unconfined"}}}, "privileged"),
}
CONTAINER: dict[str, tuple[dict[str, Any], str]] = {
    "privileged": ({"securityContext": {"privileged": True}}, "privileged"),
    "escalation": ({"securityContext": {"allowPrivilegeEscalation": True}}, "baseline"),
    "escalation not said": ({"securityContext": {"allowPrivilegeEscalation": None}}, "baseline"),
    "nothing dropped": ({"securityContext": {"capabilities": {"drop": []}}}, "baseline"),
    "baseline capability": ({"securityContext": {"capabilities": {"add": ["CHOWN"]}}}, "baseline"),
    "bind capability": ({"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}}, "restricted"),
    "admin capability": ({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}, "privileged"),
    "host port": ({"ports": [{"containerPort": 80, "hostPort": 80}]}, "privileged"),
    "proc mount": ({"securityContext": {"procMount": "Unmasked"}}, "privileged"),
    "user 0": ({"securityContext": {"runAsUser": 0}}, "baseline"),
    "root allowed": ({"securityContext": {"runAsNonRoot": False}}, "baseline"),
    "probe elsewhere": ({"livenessProbe": {"httpGet": {"host": "10.0.0.1"}}}, "privileged"),
    "hook elsewhere": ({"lifecycle": {"preStop": {"tcpSocket": {"host": "10.0.0.1"}}}}, "privileged"),
    "windows host": ({"securityContext": {"windowsOptions": {"hostProcess": True}}}, "privileged"),
}


def merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(base)
    for key, value in change.items():
        known = mapping(result, key)
        result[key] = merged(known, mapping(change, key)) if known and isinstance(value, dict) else value
    return result


def strictest(pod: dict[str, Any]) -> str:
    return next(level for level in ("restricted", "baseline", "privileged") if not violations(level, pod))


def test_good_pod_is_restricted() -> None:
    assert strictest(GOOD) == "restricted"


@pytest.mark.parametrize("name", SPEC)
def test_pod_rules(name: str) -> None:
    change, level = SPEC[name]
    assert strictest(merged(GOOD, {"spec": change})) == level


@pytest.mark.parametrize("where", ["containers", "initContainers", "ephemeralContainers"])
@pytest.mark.parametrize("name", CONTAINER)
def test_container_rules(name: str, where: str) -> None:
    change, level = CONTAINER[name]
    pod = copy.deepcopy(GOOD)
    good = pod["spec"]["containers"][0]
    pod["spec"].setdefault(where, []).append(merged({**good, "name": "other"}, change))
    assert strictest(pod) == level


def test_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="no Pod Security level: strict"):
        violations("strict", GOOD)


def upstream() -> list[Path]:
    """Pods by which Kubernetes tests its own admission; there once the API server has been built on this machine."""
    modules = sorted((paths.go_home() / "mod" / "k8s.io").glob("pod-security-admission@*"))
    versions = sorted(
        modules[-1].glob("test/testdata/restricted/v1.*") if modules else [],
        key=lambda path: int(path.name.split(".")[1]),
    )
    if not versions:
        return []
    newest = versions[-1]
    return [newest, newest.parents[1] / "baseline" / newest.name]


@pytest.mark.parametrize("verdict", ["pass", "fail"])
@pytest.mark.parametrize("level", ["restricted", "baseline"])
def test_agrees_with_upstream(level: str, verdict: str) -> None:
    directory = next((path for path in upstream() if path.parent.name == level), None)
    if directory is None:
        pytest.skip("the sources of Kubernetes' admission are not in the cache: the API server has not been built yet")
    pods = {path.name: yaml.safe_load(path.read_text()) for path in sorted((directory / verdict).glob("*.yaml"))}
    assert len(pods) > 10
    wrong = {name: found for name, pod in pods.items() if bool(found := violations(level, pod)) == (verdict == "pass")}
    assert wrong == {}
