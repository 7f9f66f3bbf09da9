"""Rules about Kubernetes objects: the Pod Security Standard `restricted`, unless an exemption says why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policies.model import Resource, Rule, Stack, dig, items

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CRON_JOB = "kubernetes:batch/v1:CronJob"
POD = "kubernetes:core/v1:Pod"
WORKLOADS = (
    "kubernetes:apps/v1:Deployment",
    "kubernetes:apps/v1:StatefulSet",
    "kubernetes:apps/v1:DaemonSet",
    "kubernetes:batch/v1:Job",
    CRON_JOB,
    POD,
)
NAMESPACE = "kubernetes:core/v1:Namespace"
EXEMPT = "slipway.dev/exempt-"
"""Annotation of pods: what follows is departed from, and the value says why."""
LEVEL = "pod-security.kubernetes.io/enforce"
LEVEL_REASON = "slipway.dev/pod-security-reason"


def _template(resource: Resource) -> Any:
    """The pod template of a workload."""
    if resource.type == POD:
        return resource.inputs
    return (
        resource.at("spec", "jobTemplate", "spec", "template")
        if resource.type == CRON_JOB
        else resource.at("spec", "template")
    )


def _exempt(template: Any) -> set[str]:
    notes: Mapping[str, Any] = dig(template, "metadata", "annotations") or {}
    return {key.removeprefix(EXEMPT) for key in notes if key.startswith(EXEMPT)}


def _containers(template: Any) -> list[Any]:
    return [*items(dig(template, "spec", "initContainers")), *items(dig(template, "spec", "containers"))]


def _pods(_: Stack, resource: Resource) -> Iterator[str]:
    template = _template(resource)
    exempt, pod = _exempt(template), dig(template, "spec")
    for key, exemption in (("hostNetwork", "host-network"), ("hostPID", "host-pid"), ("hostIPC", "host-ipc")):
        if dig(pod, key) is True and exemption not in exempt:
            yield f"uses the node's {key}; take it away or give the exemption {exemption} with a reason"
    for volume in items(dig(pod, "volumes")):
        if dig(volume, "hostPath") is not None and "host-path" not in exempt:
            yield f"mounts {dig(volume, 'hostPath', 'path')} of the node; needs the exemption host-path"
    if dig(pod, "automountServiceAccountToken") is not False and "service-account-token" not in exempt:
        yield "gets a token for the API; set automountServiceAccountToken to false"


def _security(_: Stack, resource: Resource) -> Iterator[str]:
    template = _template(resource)
    exempt, shared = _exempt(template), dig(template, "spec", "securityContext")
    for container in _containers(template):
        own, name = dig(container, "securityContext"), dig(container, "name")
        if dig(own, "privileged") is True:
            yield f"container {name} is privileged"
        if dig(own, "allowPrivilegeEscalation") is not False:
            yield f"container {name} may gain privileges; set allowPrivilegeEscalation to false"
        if "ALL" not in items(dig(own, "capabilities", "drop")):
            yield f"container {name} keeps capabilities; drop ALL"
        if dig(own, "readOnlyRootFilesystem") is not True and "writable-root" not in exempt:
            yield f"container {name} may change its own programs; set readOnlyRootFilesystem"
        root = dig(own, "runAsNonRoot") is not True and dig(shared, "runAsNonRoot") is not True
        if root and "root-user" not in exempt:
            yield f"container {name} may run as root; set runAsNonRoot"
        seccomp = dig(own, "seccompProfile", "type") or dig(shared, "seccompProfile", "type")
        if seccomp not in ("RuntimeDefault", "Localhost"):
            yield f"container {name} may make every system call; set seccompProfile to RuntimeDefault"
        if dig(container, "resources", "limits", "memory") is None:
            yield f"container {name} may take all memory of its node; set a memory limit"


def _images(_: Stack, resource: Resource) -> Iterator[str]:
    template = _template(resource)
    for container in _containers(template):
        image = str(dig(container, "image") or "")
        tail = image.rsplit("/", 1)[-1]
        if "@sha256:" not in image and (":" not in tail or tail.endswith(":latest")):
            yield f"runs {image or 'no image'}, which may be another one tomorrow; name a version"


def _namespaces(_: Stack, resource: Resource) -> Iterator[str]:
    level = resource.at("metadata", "labels", LEVEL)
    if level is None:
        yield f"enforces no Pod Security Standard; set the label {LEVEL}"
    elif level != "restricted" and not resource.at("metadata", "annotations", LEVEL_REASON):
        yield f"enforces only {level}; say why in the annotation {LEVEL_REASON}"


KUBERNETES_RULES = (
    Rule("pods", "Pods are shut off from their node and from the API.", WORKLOADS, _pods),
    Rule("containers", "Containers have no privileges, and a memory limit.", WORKLOADS, _security),
    Rule("fixed-images", "Images are named by version or digest.", WORKLOADS, _images),
    Rule("namespaces", "Namespaces enforce the Pod Security Standard.", (NAMESPACE,), _namespaces),
)
"""The rules about Kubernetes objects."""
