"""What each change of a setting does to a stack, told by `slipway compare`: the matrix behind docs/day-two.md."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import yaml

from ops.compare.compare import compare
from ops.compare.immutable import REFUSES
from ops.compare.sources import Render, Side
from ops.render.program import PROJECT_DIR, render_config
from stacks.settings import SettingsError
from stacks.stack_file import StackConfig, read_stack_config
from tests.support.cases import changed

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ops.compare.model import Change

ROWS = Path(__file__).with_name("day_two.yaml")
STACKS = {"prod": "durable", "tutorial": "ephemeral"}
"""The two stacks: prod, and its twin that may vanish."""
EVERY_APP = "apps.*"
_COLUMNS = {"set": "key", "with": "both"}
_SHOWN = 4
_STACK = "pulumi:pulumi:Stack"
_FIRST_PORT = 31000
Plan = list[dict[str, Any]]


@dataclass(frozen=True, eq=False)
class Row:
    """One change."""

    section: str
    key: str
    to: Any
    both: dict[str, Any] = field(default_factory=dict[str, Any])
    note: str = ""
    alone: bool = False
    only: str = ""

    @property
    def part(self) -> str:
        """The first two names of the setting."""
        return ".".join(self.key.split(".")[: 1 if self.key.startswith("state.") else 2])


@cache
def rows() -> tuple[Row, ...]:
    return tuple(
        Row(section, **{_COLUMNS.get(name, name): value for name, value in cast("dict[str, Any]", entry).items()})
        for section, entries in _data().items()
        if section != "base"
        for entry in entries
    )


@cache
def _data() -> dict[str, Any]:
    return yaml.safe_load(ROWS.read_text(encoding="utf-8"))


def _settings() -> dict[str, Any]:
    config = read_stack_config(PROJECT_DIR, "prod")
    found: dict[str, Any] = {}
    for key, text in config.values.items():
        try:
            found[key.partition(":")[2]] = json.loads(text)
        except ValueError:
            found[key.partition(":")[2]] = text
    return found


def _assign(settings: dict[str, Any], key: str, value: Any) -> None:
    first, *rest = key.split(".")
    if first == "apps" and rest[0] == "*":
        for number, app in enumerate(settings["apps"]):
            given = json.loads(json.dumps(value).replace("{app}", app))
            given = _FIRST_PORT + number if given == "{port}" else given
            if given is not None and rest[1] == "autoscale" and len(rest) == 2:
                settings["apps"][app].pop("replicas", None)
            _assign(settings, ".".join(["apps", app, *rest[1:]]), given)
        return
    target: Any = settings
    for name in key.split(".")[:-1]:
        target = target.setdefault(name, {})
    if value is None:
        target.pop(key.split(".")[-1], None)
    else:
        target[key.split(".")[-1]] = value


def config(stack: str, changes: Iterable[tuple[str, Any]]) -> StackConfig:
    """A stack with some settings changed."""
    settings = copy.deepcopy(_settings())
    settings["lifecycle"] = STACKS[stack]
    for key, value in [*_data()["base"].items(), *changes]:
        _assign(settings, key, copy.deepcopy(value))
    return changed(read_stack_config(PROJECT_DIR, "prod"), **settings)


@cache
def _plan(stack: str, changes: str) -> Plan:
    return render_config(config(stack, json.loads(changes))).plan["resources"]


def plan(stack: str, changes: Iterable[tuple[str, Any]]) -> Plan:
    """Resources of a stack with some settings changed; each render once."""
    return _plan(stack, json.dumps(list(changes)))


def rounds(stack: str) -> Iterator[list[Row]]:
    """Rows that are rendered together: of different parts, none of them reaching beyond its own."""
    waiting: list[Row] = []
    for row in rows():
        if row.only and row.only != stack:
            continue
        if row.alone:
            yield [row]
        else:
            waiting.append(row)
    while waiting:
        together: dict[str, Row] = {}
        for row in waiting:
            apps = any(part.startswith("apps.") for part in together)
            of_an_app = row.part.startswith("apps.")
            if of_an_app and apps and EVERY_APP in (row.part, *together):
                continue
            together.setdefault(row.part, row)
        waiting = [row for row in waiting if row not in together.values()]
        yield list(together.values())


def verdicts(stack: str, together: list[Row]) -> dict[Row, str]:
    """What a round's changes do, one sentence a row."""
    both = [pair for row in together for pair in row.both.items()]
    try:
        base = plan(stack, both)
        head = plan(stack, [*both, *((row.key, row.to) for row in together)])
    except SettingsError as error:
        if len(together) == 1:
            return {together[0]: f"refused in settings: {_remedy(error)}"}
        return {row: text for one in together for row, text in verdicts(stack, [one]).items()}
    # Nobody reads the diffs here, and they take most of the time.
    with patch("ops.compare.compare.unified", return_value=""):
        (difference,) = compare(Side("", {"x": Render(base)}), Side("", {"x": Render(head)})).stacks
    if len(together) == 1:
        return {together[0]: verdict(difference.changes, base)}
    found: dict[str, list[Change]] = {row.part: [] for row in together}
    parts = {**_parts(base), **_parts(head)}
    for change in difference.changes:
        part = parts[change.urn]
        part = EVERY_APP if EVERY_APP in found and part.startswith("apps.") else part
        assert part in found, (
            f"{change.label} is of {part}, beside {sorted(found)}: mark the row that reaches it `alone`"
        )
        found[part].append(change)
    return {row: verdict(found[row.part], base) for row in together}


def _remedy(error: SettingsError) -> str:
    return str(error).strip().splitlines()[-1].strip().removeprefix("- ")


def verdict(changes: Iterable[Change], base: Plan) -> str:
    """Some changes in one sentence: what is lost first, what is made anew, what comes and goes."""
    found = list(changes)
    if not found:
        return "nothing changes"
    protected = {entry["urn"] for entry in base if entry["protect"]}
    lost = [change for change in found if change.danger and change.danger != "a protection"]
    held = [change for change in lost if change.urn in protected]
    parts: list[str] = []
    if held:
        return f"**refused**, protected: {_names(held, danger=True)}"
    if lost:
        parts.append(f"**lost**: {_names(lost, danger=True)}")
    rest = [change for change in found if change not in lost]
    refused = dict.fromkeys(text for change in rest for text in change.reasons if text.startswith(REFUSES))
    if refused:
        return "; ".join([*parts, f"**refused**: {'; '.join(refused)}"])
    for operation, words in (("replace", "anew"), ("create", "comes"), ("delete", "goes")):
        some = [change for change in rest if change.operation == operation]
        if some:
            parts.append(f"{words}: {_names(some)}")
    if any(change.danger == "a protection" for change in found):
        parts.append("protection goes")
    if any(change.operation == "update" for change in rest):
        parts.append("in place" if len(parts) == 0 else "the rest in place")
    said = dict.fromkeys(reason for change in rest if change.operation == "update" for reason in change.reasons)
    parts += [reason for reason in said if "protection" not in reason]
    return "; ".join(parts)


def _names(changes: list[Change], *, danger: bool = False) -> str:
    names = list(dict.fromkeys(f"{change.label} ({change.danger})" if danger else change.label for change in changes))
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _parts(resources: Plan) -> dict[str, str]:
    """URN of each resource to the part of the stack file that it is of."""
    entries = {entry["urn"]: entry for entry in resources}

    def top(entry: dict[str, Any]) -> dict[str, Any]:
        parent = entries.get(entry["parent"] or "")
        return entry if parent is None or parent["type"] == _STACK else top(parent)

    return {
        urn: _part(cast("str", top(entry)["type"]), cast("str", top(entry)["name"])) for urn, entry in entries.items()
    }


def _part(kind: str, name: str) -> str:
    """The part of the stack file that makes a component."""
    tables = {
        "slipway:clusters:GkeCluster": ("clusters", ""),
        "slipway:clusters:EksCluster": ("clusters", ""),
        "slipway:clusters:Autoscaler": ("clusters", "-node-autoscaler"),
        "slipway:platform:Monitoring": ("clusters", "-monitoring-stack"),
        "slipway:platform:IngressController": ("clusters", "-ingress-stack"),
        "slipway:foundation:Rds": ("databases", "-database"),
        "slipway:foundation:CloudSql": ("databases", "-database"),
        "slipway:foundation:Ecr": ("registries", "-registry"),
        "slipway:foundation:ArtifactRegistry": ("registries", "-registry"),
        "slipway:foundation:AwsDeployer": ("deployers", "-deployer"),
        "slipway:foundation:GcpDeployer": ("deployers", "-deployer"),
        "slipway:foundation:StateUser": ("deployers", "-state"),
        "slipway:foundation:DelegatedZone": ("zones", "-delegated-zone"),
        "slipway:foundation:AwsAccount": ("clouds", ""),
        "slipway:foundation:GcpProject": ("clouds", ""),
    }
    if kind == "slipway:foundation:StateBucket":
        return "state"
    if kind in tables:
        table, suffix = tables[kind]
        return f"{table}.{name.removesuffix(suffix)}"
    if not kind.startswith("slipway:workloads:"):
        return f"{kind} {name}"  # of no row's part: whatever reaches it is `alone`
    systems = {"h2o-mock": "h2o-example", "http-debug-system": "http-debug-server"}
    return f"apps.{systems.get(name, name.removesuffix('-system'))}"
