"""The difference of two plans."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ops.compare.immutable import changes, identity_paths, kind_of, refusals, replacements
from ops.compare.match import Pair, pairs
from ops.compare.model import OPERATIONS, Change, Difference, StackDifference
from ops.compare.plain import at, mapping, masked, unified
from ops.compare.stateful import what_is_lost
from ops.compare.timing import when_applied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ops.compare.match import Entry
    from ops.compare.sources import Render, Side

_LINE_LIMIT = 900
_SHOWN_OPTIONS = ("deletedWith", "deleteBeforeReplace", "ignoreChanges", "replaceOnChanges", "retainOnDelete", "import")


def compare(base: Side, head: Side, *, pull_request: int | None = None, allowed: bool = False) -> Difference:
    names = sorted({*base.stacks, *head.stacks})
    return Difference(
        base=base.label,
        head=head.label,
        pull_request=pull_request,
        allowed=allowed,
        notes=(*base.notes, *head.notes),
        stacks=tuple(_stack(name, base.stacks.get(name), head.stacks.get(name)) for name in names),
    )


def _stack(name: str, base: Render | None, head: Render | None) -> StackDifference:
    if (base and base.error) or (head and head.error):
        return StackDifference(
            stack=name,
            state="unknown",
            base_error=base.error if base else None,
            head_error=head.error if head else None,
        )
    old, new = (side.resources if side else [] for side in (base, head))
    changes = _changes(old, new)
    kept = sum(entry["custom"] for entry in new) - sum(change.operation != "delete" for change in changes)
    files = () if changes or not base or not head else _files(base.files, head.files)
    return StackDifference(
        stack=name,
        state="both" if base and head else "new" if head else "removed",
        changes=tuple(sorted(changes, key=_gravity)),
        unchanged=kept,
        files=tuple(files),
    )


def _changes(base: Sequence[Entry], head: Sequence[Entry]) -> list[Change]:
    matched = pairs(base, head)
    found = {id(pair): change for pair in matched if (change := change_of(pair, base, head)) is not None}
    replaced = [pair for pair in matched if id(pair) in found and found[id(pair)].operation == "replace"]
    while replaced:
        source = replaced.pop().head or {}
        for pair in matched:
            if pair.base is None or pair.head is None or (id(pair) in found and found[id(pair)].operation == "replace"):
                continue
            reasons = dragged(pair.head, source)
            if reasons:
                lost = what_is_lost(pair.base, base)
                found[id(pair)] = _change("replace", pair.base, pair.head, lost, reasons)
                replaced.append(pair)
    return list(found.values())


def dragged(entry: Entry, replaced: Entry) -> list[str]:
    """Why the replacement of one resource replaces another."""
    if replaced["urn"] in entry["options"].get("replaceWith", ()):
        return [f"it is replaced with {label(replaced)}"]
    if entry["provider"] == replaced["urn"] or str(entry["provider"]).rpartition("::")[2] == replaced["name"]:
        return [f"its provider {replaced['name']} is replaced"]
    reference = f"${{{replaced['name']}."
    return [
        f"`{path}` comes from {label(replaced)}, which is replaced"
        for path in identity_paths(entry["type"], entry["inputs"])
        if reference in json.dumps(at(entry["inputs"], *path.split(".")))
    ]


def _gravity(change: Change) -> tuple[bool, int, str, str]:
    return (not change.danger, OPERATIONS.index(change.operation), change.label, change.urn)


def _files(base: Mapping[str, str], head: Mapping[str, str]) -> list[str]:
    return [path for path in sorted({*base, *head}) if base.get(path) != head.get(path)]


def change_of(pair: Pair, base: Sequence[Entry], head: Sequence[Entry]) -> Change | None:
    if pair.base is None and pair.head is not None:
        return _change("create", None, pair.head)
    if pair.head is None and pair.base is not None:
        retained = bool(pair.base["options"].get("retainOnDelete"))
        lost = None if retained or pair.base["type"].startswith("pulumi:providers:") else what_is_lost(pair.base, base)
        reasons = ["it is kept where it is (retainOnDelete), but nobody manages it any more"] if retained else []
        if pair.base["protect"]:
            reasons.append("it is protected: the engine refuses until the protection is taken away")
        return _change("delete", pair.base, None, lost, reasons)
    if pair.base is None or pair.head is None:
        return None
    return _both(pair, pair.base, pair.head, base, head)


def _both(pair: Pair, old: Entry, new: Entry, base: Sequence[Entry], head: Sequence[Entry]) -> Change | None:
    provider = next((mapping(entry["inputs"]) for entry in head if entry["urn"] == new["provider"]), mapping(None))
    reasons = replacements(new["type"], old["inputs"], new["inputs"], provider, new["options"])
    reasons += _elsewhere(old, new)
    if pair.lost_alias:
        reasons.append(
            f"its URN changes and no alias says that it was `{old['urn']}`: Pulumi makes it anew and then deletes the "
            "one of the same name; give it `aliases`"
        )
    if reasons:
        return _change("replace", old, new, what_is_lost(old, base), reasons)
    notes = [f"moved from `{old['urn']}` (by its alias)"] if pair.moved else []
    danger = None
    if old["protect"] and not new["protect"]:
        notes.append("its protection is taken away: from then on it can be deleted")
        danger = "a protection"
    if not changes(_shown(old), _shown(new), new["options"]) and not notes:
        return None
    notes += refusals(new["type"], old["inputs"], new["inputs"], new["options"])
    notes += when_applied(new["type"], old["inputs"], new["inputs"])
    return _change("update", old, new, danger, notes)


def _elsewhere(old: Entry, new: Entry) -> list[str]:
    """A resource that another provider makes is made elsewhere."""
    names = [str(entry["provider"] or "").rpartition("::")[2] for entry in (old, new)]
    return [f"another provider makes it: {names[1]} instead of {names[0]}"] if names[0] != names[1] else []


def _change(
    operation: Any, old: Entry | None, new: Entry | None, lost: str | None = None, reasons: Sequence[str] = ()
) -> Change:
    entry = new or old or {}
    shown = masked(kind_of(entry["type"]), _shown(old) if old else None, _shown(new) if new else None)
    return Change(
        operation=operation,
        urn=entry["urn"][:_LINE_LIMIT],
        type=entry["type"][:_LINE_LIMIT],
        # What goes has the old name, which is not always the new one's.
        label=label(old or entry)[:_LINE_LIMIT],
        danger=lost[:_LINE_LIMIT] if lost else None,
        reasons=tuple(reason[:_LINE_LIMIT] for reason in reasons),
        diff="" if new is None else unified(*shown),
    )


def label(entry: Entry) -> str:
    """Kind, namespace and name of a Kubernetes object; package, kind and logical name of anything else."""
    token: str = entry["type"]
    kind = kind_of(token)
    if token.startswith("kubernetes:"):
        name = at(entry["inputs"], "metadata", "name") or entry["name"]
        namespace = at(entry["inputs"], "metadata", "namespace")
        return f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    if token.startswith("pulumi:providers:"):
        return f"provider {entry['name']}"
    if token.startswith("pulumi:"):
        return f"{kind} {entry['name']}"
    parts = token.split(":")
    return f"{parts[0]} {parts[1].partition('/')[0]} {kind} {entry['name']}" if len(parts) > 2 else token


def _shown(entry: Entry) -> dict[str, Any]:
    """What of a resource is compared and shown: inputs and the options that Pulumi acts on."""
    inputs = {key: value for key, value in mapping(entry["inputs"]).items() if not key.startswith("__")}
    options = {key: entry["options"][key] for key in _SHOWN_OPTIONS if entry["options"].get(key)}
    if entry["protect"]:
        options["protect"] = True
    return {**inputs, **({"(options)": options} if options else {})}
