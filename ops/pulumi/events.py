"""What Pulumi's engine tells while it works, as changes and differences of real resources."""

from __future__ import annotations

import copy
import re
import threading
import time
from typing import TYPE_CHECKING, Any, cast, get_args

from ops.cluster.diff import bare, yaml_diff
from ops.kube import section
from ops.pulumi.caused import Refreshed, counting
from ops.pulumi.results import Change, Difference, Operation
from ops.pulumi.state import resource_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pulumi.automation.events import EngineEvent, StepEventMetadata

    from ops.kube import Manifest
    from ops.pulumi.results import Kind
    from ops.stack import Stack

_OPERATIONS = get_args(Operation)
_KINDS: dict[str, Kind] = {"update": "changed", "delete": "deleted"}
_WORKING = {
    "create": "creating",
    "update": "updating",
    "delete": "deleting",
    "create-replacement": "replacing",
    "delete-replaced": "deleting",
}
# Colours in the engine's messages.
_MARKUP = re.compile(r"<\{%.*?%\}>")
# The last messages of a failed run, which only say that something failed.
_EMPTY_WORDS = ("update failed", "preview failed", "destroy failed", "refresh failed")
_SHOWN = 2


class EventLog:
    """Collects the events of a run; called by Pulumi's Automation API, in a thread of its own."""

    def __init__(self, began: Callable[[], None] | None = None) -> None:
        """Nothing was told yet; `began` is called once, with the first change of a real resource."""
        self.errors: list[str] = []
        self._began = began
        self._steps: list[StepEventMetadata] = []
        self._results: list[StepEventMetadata] = []
        self._lock = threading.Lock()
        self._working: dict[str, tuple[str, float]] = {}
        self._done = 0

    def __call__(self, event: EngineEvent) -> None:
        if event.diagnostic_event is not None and event.diagnostic_event.severity == "error":
            self._complain(event.diagnostic_event.message, event.diagnostic_event.urn)
        if event.resource_pre_event is not None:
            self._start(event.resource_pre_event.metadata)
        if event.res_outputs_event is not None:
            self._end(event.res_outputs_event.metadata)

    def _complain(self, message: str, urn: str | None) -> None:
        text = _MARKUP.sub("", message).strip().removeprefix("error: ")
        if text and text not in _EMPTY_WORDS:
            self.errors.append(f"{urn.rsplit('::', 1)[-1]}: {text}" if urn else text)

    def _start(self, step: StepEventMetadata) -> None:
        self._steps.append(step)
        verb = _WORKING.get(str(step.op.value))
        if verb is not None and _is_real(step):
            with self._lock:
                self._working[step.urn] = (f"{verb} {_name(step)}", time.monotonic())
            if self._began is not None:
                self._began()
                self._began = None

    def _end(self, step: StepEventMetadata) -> None:
        self._results.append(step)
        with self._lock:
            self._done += self._working.pop(step.urn, None) is not None

    def summary(self) -> str:
        """How far it is, for people: how much is done, and what it has been at for the longest; empty at first."""
        with self._lock:
            working = sorted(self._working.values(), key=lambda entry: entry[1])
            done = self._done
        if not working and not done:
            return ""
        now = time.monotonic()
        shown = ", ".join(f"{text} ({now - since:.0f} s)" for text, since in working[:_SHOWN])
        more = f" and {len(working) - _SHOWN} more" if len(working) > _SHOWN else ""
        return f"{done} resources done" + (f"; {shown}{more}" if working else "")

    @property
    def changed(self) -> bool:
        return self._done > 0

    def changes(self, stack: Stack) -> list[Change]:
        """What a preview would do to real resources; components have no changes of their own."""
        found: dict[str, Change] = {}
        for step in self._steps:
            operation = cast("Operation", str(step.op.value))
            if operation not in _OPERATIONS or not _is_real(step):
                continue
            before, after = _inputs(step.old), _inputs(step.new)
            diff = yaml_diff(before, after, _name(step)) if operation in ("update", "replace") else ""
            found[step.urn] = Change(operation, _cluster_of(stack, step), _name(step), diff)
        return list(found.values())

    def touched(self, stack: Stack) -> dict[tuple[str | None, str], set[str]]:
        """Cluster and namespace to the kinds of objects that were changed there, without namespaces that are new."""
        found: dict[tuple[str | None, str], set[str]] = {}
        new: set[tuple[str | None, str]] = set()
        for step in self._results:
            inputs, cluster = _inputs(step.new) or _inputs(step.old), _cluster_of(stack, step)
            if str(step.op.value) not in _WORKING or "metadata" not in inputs:
                continue
            kind, metadata = str(inputs.get("kind")), inputs["metadata"]
            if kind == "Namespace" and str(step.op.value) == "create":
                new.add((cluster, str(metadata.get("name"))))
            elif metadata.get("namespace"):
                found.setdefault((cluster, str(metadata["namespace"])), set()).add(kind)
        return {key: kinds for key, kinds in found.items() if key not in new}

    def differences(self, stack: Stack) -> list[Difference]:
        """What a refresh found of real resources, from what is there to what was applied."""
        found: dict[str, Difference] = {}
        ignored = _ignored(stack)
        for step in self._results:
            kind = _KINDS.get(str(step.op.value))
            if kind is None or not _is_real(step):
                continue
            diff = _refreshed(step, _name(step), ignored.get(step.urn, ())) if kind == "changed" else ""
            if kind == "changed" and not diff:
                continue
            found[step.urn] = Difference(kind, _cluster_of(stack, step), _name(step), diff)
        return list(found.values())

    def live(self, stack: Stack) -> dict[str, list[Manifest]]:
        """Cluster to the objects on it as the refresh at the beginning of the run read them, `managedFields` included.
        Secrets are masked by the engine."""
        found: dict[str, dict[str, Manifest]] = {}
        for step in self._results:
            there = dict(step.new.outputs or {}) if step.new else {}
            cluster = _cluster_of(stack, step)
            if cluster is not None and "managedFields" in (there.get("metadata") or {}):
                # The first event of an object is the refresh's; a later one tells what the run made of it.
                found.setdefault(cluster, {}).setdefault(step.urn, there)
        return {cluster: list(objects.values()) for cluster, objects in found.items()}


def _refreshed(step: StepEventMetadata, name: str, ignored: Sequence[str]) -> str:
    """The difference as a diff; empty where only the cloud or the cluster itself changed what nobody had set."""
    applied, there = _inputs(step.old), _inputs(step.new)
    if not step.type.startswith("kubernetes:") and not counting(_as_refreshed(step)):
        return ""
    if there != applied:
        return yaml_diff(_document(without(there, ignored)), _document(without(applied, ignored)), name)
    # Providers that read no inputs back: what they named as different, of the outputs.
    outputs = dict(step.new.outputs or {}) if step.new else {}
    before = dict(step.old.outputs or {}) if step.old else {}
    roots = {path.split(".")[0].split("[")[0] for path in (step.detailed_diff or {})} or set(step.diffs or [])
    return yaml_diff({k: outputs.get(k) for k in roots}, {k: before.get(k) for k in roots}, name)


def _as_refreshed(step: StepEventMetadata) -> Refreshed:
    before, after = (dict(side.outputs or {}) if side else {} for side in (step.old, step.new))
    named = list(step.detailed_diff or step.diffs or [])
    registered, read = _inputs(step.old), _inputs(step.new)
    # A provider that reads no inputs back leaves them as they were; then the outputs tell.
    return Refreshed(registered, read if read != registered else {}, before, after, named or None)


def _ignored(stack: Stack) -> dict[str, list[str]]:
    """URN to the properties whose changes the program ignores: an autoscaler's replicas, say."""
    resources = stack.rendered.plan["resources"]
    return {str(entry["urn"]): entry["options"].get("ignoreChanges") or [] for entry in resources}


def without(inputs: Mapping[str, Any], paths: Sequence[str]) -> dict[str, Any]:
    """Inputs without some properties; dotted paths that lead nowhere are fine."""
    result = copy.deepcopy(dict(inputs))
    for path in paths:
        *parents, last = path.split(".")
        section(result, *parents).pop(last, None)
    return result


def _inputs(side: Any) -> dict[str, Any]:
    return dict(side.inputs or {}) if side else {}


def _document(inputs: dict[str, Any]) -> dict[str, Any]:
    return bare(inputs) if "metadata" in inputs else inputs


def _is_real(step: StepEventMetadata) -> bool:
    side = step.new or step.old
    return side is not None and bool(side.custom) and not step.type.startswith("pulumi:")


def _name(step: StepEventMetadata) -> str:
    return resource_name(step.type, step.urn.rsplit("::", 1)[-1], _inputs(step.new) or _inputs(step.old))


def _cluster_of(stack: Stack, step: StepEventMetadata) -> str | None:
    provider = (step.provider or "").rsplit("::", 1)[0]
    return next((c.name for c in stack.rendered.clusters.values() if c.provider == provider), None)
