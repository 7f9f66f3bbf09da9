"""plan.json: every resource of every provider, sorted, secrets masked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ops.render.monitor import SECRET_MASK, Record, with_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable


def masked(value: Any) -> Any:
    return with_secrets(value, lambda _: SECRET_MASK)


def _entry(record: Record) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "urn": record.urn,
        "type": record.type,
        "name": record.name,
        "custom": record.custom,
        "parent": record.parent,
        "provider": record.provider,
        "dependencies": record.dependencies,
        "propertyDependencies": record.property_dependencies,
        "protect": record.protect,
        "options": record.options,
        "inputs": masked(record.inputs),
    }
    if not record.custom:
        entry["outputs"] = masked(record.outputs)
    return entry


def plan(stack: str, records: Iterable[Record]) -> dict[str, Any]:
    """The content of plan.json: `{"stack", "resources": [...]}`, resources in the order of their URNs."""
    return {"stack": stack, "resources": [_entry(record) for record in sorted(records, key=lambda r: r.urn)]}
