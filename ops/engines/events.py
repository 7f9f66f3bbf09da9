"""What Pulumi's engine tells while it works, as changes and differences of real resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops.drift.report import Difference, Kind
from ops.engines.base import Change, Operation
from ops.engines.differences import bare, yaml_diff
from ops.engines.protection import resource_name

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent, StepEventMetadata

    from ops.stack import Stack

_OPERATIONS: dict[str, Operation] = {
    "create": "create",
    "update": "update",
    "delete": "delete",
    "replace": "replace",
}
_KINDS: dict[str, Kind] = {"update": "changed", "delete": "deleted"}


class Steps:
    """Collects the steps of a preview: what `up` would do."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._steps: list[StepEventMetadata] = []

    def __call__(self, event: EngineEvent) -> None:
        """Take an event."""
        if event.resource_pre_event is not None:
            self._steps.append(event.resource_pre_event.metadata)

    def changes(self, stack: Stack) -> list[Change]:
        """The changes of real resources; components have none of their own."""
        found: dict[str, Change] = {}
        for step in self._steps:
            operation = _OPERATIONS.get(str(step.op.value))
            if operation is None or not _is_real(step):
                continue
            before = dict(step.old.inputs or {}) if step.old else {}
            after = dict(step.new.inputs or {}) if step.new else {}
            name = _name(step, after or before)
            diff = yaml_diff(before, after, name) if operation in ("update", "replace") else ""
            found[step.urn] = Change(operation, _cluster_of(stack, step), name, diff)
        return list(found.values())


class Findings:
    """Collects what a refresh finds: what is there against what the state says."""

    def __init__(self) -> None:
        """Nothing was told yet."""
        self._steps: list[StepEventMetadata] = []

    def __call__(self, event: EngineEvent) -> None:
        """Take an event; the outputs' one carries what the refresh came to."""
        if event.res_outputs_event is not None:
            self._steps.append(event.res_outputs_event.metadata)

    def differences(self, stack: Stack) -> list[Difference]:
        """The differences of real resources, from what is there to what was applied."""
        found: dict[str, Difference] = {}
        for step in self._steps:
            kind = _KINDS.get(str(step.op.value))
            if kind is None or not _is_real(step):
                continue
            applied = dict(step.old.inputs or {}) if step.old else {}
            there = dict(step.new.inputs or {}) if step.new else {}
            name = _name(step, applied or there)
            diff = _diff(step, there, applied, name) if kind == "changed" else ""
            found[step.urn] = Difference(kind, _cluster_of(stack, step), name, diff)
        return list(found.values())


def _diff(step: StepEventMetadata, there: dict[str, Any], applied: dict[str, Any], name: str) -> str:
    if there != applied:
        return yaml_diff(_document(there), _document(applied), name)
    # Providers that read no inputs back: what they named as different, of the outputs.
    outputs = dict(step.new.outputs or {}) if step.new else {}
    before = dict(step.old.outputs or {}) if step.old else {}
    roots = {path.split(".")[0].split("[")[0] for path in (step.detailed_diff or {})} or set(step.diffs or [])
    return yaml_diff({k: outputs.get(k) for k in roots}, {k: before.get(k) for k in roots}, name)


def _document(inputs: dict[str, Any]) -> dict[str, Any]:
    return bare(inputs) if "metadata" in inputs else inputs


def _is_real(step: StepEventMetadata) -> bool:
    state = step.new or step.old
    return state is not None and bool(state.custom) and not step.type.startswith("pulumi:")


def _name(step: StepEventMetadata, inputs: dict[str, Any]) -> str:
    return resource_name(step.type, step.urn.rsplit("::", 1)[-1], inputs)


def _cluster_of(stack: Stack, step: StepEventMetadata) -> str | None:
    provider = step.provider.rsplit("::", 1)[0]
    return next((c.name for c in stack.rendered.clusters.values() if c.provider == provider), None)
