"""Why pods are not ready, in the cluster's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ops.errors import OpsError
from ops.kube import entries, section
from ops.live import selector

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.kube import Kubectl, Manifest
    from ops.render.result import App

_LOG_LINES = 8
_PODS_SHOWN = 5
_IMAGE_REASONS = {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}
_START_REASONS = {"CreateContainerConfigError", "CreateContainerError", "RunContainerError", "StartError"}
_KILLED = "OOMKilled"
_NO_LOG = "unable to retrieve container logs"
_MADE_NONE = "NotMade"
HOPELESS_RESTARTS = 5
"""A container that ended this often is not going to come up by waiting."""
HOPELESS_KILLS = 2
"""One that was killed this often for more memory than its limit: the limit does not grow by waiting."""


@dataclass(frozen=True)
class PodTrouble:
    """A pod that is not ready. `reason` is Kubernetes' own word (ImagePullBackOff); `container` None: it is about the
    whole pod; `last_words` is the end of the last ended log, as the kubelet kept it; `ended` is one more than
    `restarted` while it does not run."""

    namespace: str
    pod: str
    reason: str
    message: str
    container: str | None = None
    restarted: int = 0
    last_words: str = ""
    ended: int = 0

    @property
    def hopeless(self) -> bool:
        if self.reason == _KILLED and self.ended >= HOPELESS_KILLS:
            return True
        return self.reason in {*_IMAGE_REASONS, *_START_REASONS, _MADE_NONE} or self.restarted >= HOPELESS_RESTARTS

    @property
    def unplaced(self) -> bool:
        """Whether no node has the CPU, memory or port that it asks for: only a further node, or less, can help."""
        lacking = "Insufficient" in self.message or "free ports" in self.message
        return self.reason == "Unschedulable" and lacking

    def __str__(self) -> str:
        if self.reason == _MADE_NONE:
            return f"no pod of {self.namespace}/{self.pod} can be made ({self.message})"
        said = f": {self.message}" if self.reason == _KILLED or self.unplaced else ""
        return f"pod {self.namespace}/{self.pod} cannot start ({self.reason}{said})"


def troubles(pods: Sequence[Manifest]) -> list[PodTrouble]:
    """The pods that are not ready and are not ending, with the reason of each."""
    return [trouble for pod in pods if (trouble := _trouble(pod)) is not None]


def refusals(workloads: Sequence[Manifest]) -> list[PodTrouble]:
    """The workloads whose pods are refused by the API server, for a quota say."""
    return [
        PodTrouble(item["metadata"]["namespace"], item["metadata"]["name"], _MADE_NONE, str(condition.get("message")))
        for item in workloads
        for condition in entries(item, "status", "conditions")
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True"
    ]


def _trouble(pod: Manifest) -> PodTrouble | None:
    status = section(pod, "status")
    conditions = {str(c["type"]): c for c in entries(status, "conditions")}
    finished = status.get("phase") == "Succeeded"
    if pod["metadata"].get("deletionTimestamp") or finished or conditions.get("Ready", {}).get("status") == "True":
        return None
    namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
    for container in (*entries(status, "initContainerStatuses"), *entries(status, "containerStatuses")):
        if container.get("ready"):
            continue
        state, last = section(container, "state"), section(container, "lastState", "terminated")
        waiting, ended = section(state, "waiting"), section(state, "terminated")
        restarted = int(container.get("restartCount", 0))
        if ended and ended.get("exitCode") == 0 and not restarted:
            continue
        times = restarted + 1 if ended or waiting.get("reason") == "CrashLoopBackOff" else restarted
        if _KILLED in (ended.get("reason"), last.get("reason")) and not (waiting and times == restarted):
            said = f"needs more than its memory limit of {_limit(pod, container['name'])}"
            words = str((ended or last).get("message") or "")
            return PodTrouble(namespace, name, _KILLED, said, container["name"], restarted, words, times)
        found = waiting or ended
        if found and found.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            exit_code = (ended or last).get("exitCode")
            said = found.get("message") or (f"ended with exit code {exit_code}" if exit_code is not None else "")
            words = str((ended or last).get("message") or "")
            return PodTrouble(namespace, name, found["reason"], said, container["name"], restarted, words, times)
        if "running" in state:
            said, words = "runs, but its readiness probe does not pass", str(last.get("message") or "")
            return PodTrouble(namespace, name, "NotReady", said, container["name"], restarted, words, restarted)
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return PodTrouble(namespace, name, scheduled.get("reason", "Unscheduled"), scheduled.get("message", ""))
    return PodTrouble(
        namespace, name, status.get("reason") or status.get("phase", "Unknown"), status.get("message", "")
    )


def _limit(pod: Manifest, container: str) -> str:
    specs = (*entries(pod, "spec", "initContainers"), *entries(pod, "spec", "containers"))
    limits = (section(spec, "resources", "limits").get("memory") for spec in specs if spec["name"] == container)
    return str(next(limits, None) or "unknown size")


def explain(kubectl: Kubectl, stack: str, apps: Sequence[App]) -> str:
    """Which apps are not ready and why: waiting reasons, refused pods, events and the last log lines. Empty when there
    is nothing to say; whatever cannot be found out is left out."""
    try:
        pods = kubectl.get(["pods", "-A", "-l", selector(stack)])
        workloads = kubectl.get(["deployments.apps,statefulsets.apps,daemonsets.apps", "-A", "-l", selector(stack)])
    except OpsError:
        return ""
    lines: list[str] = []
    names = {(app.namespace, app.object): app.name for app in apps}
    lines += [
        f"{names.get((refused.namespace, refused.pod), refused.pod)}: no pod can be made: {refused.message}"
        for refused in refusals(workloads)
    ]
    found = troubles(pods)
    for trouble in found[:_PODS_SHOWN]:
        lines += details(kubectl, trouble)
    if len(found) > _PODS_SHOWN:
        lines.append(f"and {len(found) - _PODS_SHOWN} further pods")
    return "\n".join(lines)


def details(kubectl: Kubectl, trouble: PodTrouble) -> list[str]:
    """Why one pod is not ready: its reason, its latest warnings and its last log lines, as lines for people."""
    where = f", container {trouble.container}" if trouble.container else ""
    head = f"pod {trouble.namespace}/{trouble.pod}{where}: {trouble.reason}: {trouble.message}".rstrip(": ")
    return [head, *(f"    {line}" for line in (*_events(kubectl, trouble), *_log(kubectl, trouble)))]


def _events(kubectl: Kubectl, trouble: PodTrouble) -> list[str]:
    fields = f"involvedObject.name={trouble.pod},type=Warning"
    try:
        events = kubectl.get(["events", "-n", trouble.namespace, f"--field-selector={fields}"])
    except OpsError:
        return []
    texts = dict.fromkeys(f"event {e.get('reason')}: {str(e.get('message', '')).strip()}" for e in events[-3:])
    return [text for text in texts if trouble.message not in text or not trouble.message]


def _log(kubectl: Kubectl, trouble: PodTrouble) -> list[str]:
    if trouble.container is None or trouble.reason in _IMAGE_REASONS | _START_REASONS:
        return []
    # After a restart the last words are the previous container's.
    previous = ["--previous"] if trouble.restarted else []
    try:
        text = kubectl.run(
            ["logs", trouble.pod, "-n", trouble.namespace, "-c", trouble.container, f"--tail={_LOG_LINES}", *previous],
            timeout=20,
        )
    except OpsError:
        text = ""
    if not text.strip() or text.startswith(_NO_LOG):
        # A container that is gone: the kubelet keeps its last words (terminationMessagePolicy).
        text = trouble.last_words
    return [f"log: {line}" for line in text.splitlines()[-_LOG_LINES:]]
