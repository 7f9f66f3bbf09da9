"""Turns a stack's configuration into Settings, or into every problem at once."""

from __future__ import annotations

import copy
import difflib
from typing import TYPE_CHECKING, Any, cast, get_args

from pydantic import BaseModel, ValidationError

from stacks.settings.clouds import Cloud
from stacks.settings.clusters import ClusterSettings
from stacks.settings.foundation import Registry
from stacks.settings.plain import Reported, decode, take_unprintable
from stacks.settings.problems import Problem, SettingsError, shown
from stacks.settings.root import Settings
from stacks.settings.rules import Place, broken_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic_core import ErrorDetails

_REMEDIES = {
    "missing": "is missing; add it",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "dict_type": "must be a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "int_parsing_size": "must be a whole number of ordinary size",
    "union_tag_not_found": "has no key kind",
}
_SIZES = {
    "too_short": ("min_length", "entries"),
    "too_long": ("max_length", "entries"),
    "string_too_short": ("min_length", "characters"),
    "string_too_long": ("max_length", "characters"),
}
_VALIDATION_ROUNDS = 20
_ABSENT = object()


def _kinds(union: object) -> dict[str, type[BaseModel]]:
    models = cast("tuple[type[BaseModel], ...]", get_args(get_args(union)[0]))
    return {get_args(model.model_fields["kind"].annotation)[0]: model for model in models}


_UNIONS = {"clusters": _kinds(ClusterSettings), "clouds": _kinds(Cloud), "registries": _kinds(Registry)}
"""Key of the root to the kinds that its entries are told apart by."""
_MAPPINGS = {field.alias for field in Settings.model_fields.values()} - {"lifecycle", "owner", "namespacePrefix"}
"""Keys of the root whose values are mappings; the engine hands them over as JSON."""


def _is_kind(location: Sequence[int | str], index: int) -> bool:
    """Whether a part of pydantic's path is the discriminator's value, a level that the stack file does not have."""
    return index == 2 and location[index] in _UNIONS.get(str(location[0]), {})


def _keys_of(model: type[BaseModel]) -> list[str]:
    return sorted(field.alias or name for name, field in model.model_fields.items())


def _model_at(path: Sequence[int | str]) -> type[BaseModel] | None:
    """The settings model that a key path leads to, to name the keys it knows."""
    current: object = Settings
    for index, part in enumerate(path):
        if isinstance(current, type) and issubclass(current, BaseModel):
            field = next((f for n, f in current.model_fields.items() if part in (n, f.alias)), None)
            current = field.annotation if field else None
        elif _is_kind(path, index):
            current = _UNIONS[str(path[0])][str(part)]
            continue
        else:
            continue
        models = [a for a in get_args(current) if isinstance(a, type) and issubclass(a, BaseModel)]
        if len(models) == 1:
            current = models[0]
    return current if isinstance(current, type) and issubclass(current, BaseModel) else None


def _unknown_key(location: Sequence[int | str]) -> str:
    model = _model_at(location[:-1])
    known = _keys_of(model) if model else []
    close = difflib.get_close_matches(str(location[-1]), known, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"unknown key; {hint}known here: {', '.join(known)}" if known else "unknown key; remove it"


def _path(project: str, location: Sequence[int | str]) -> str:
    parts = [shown(str(p)) for i, p in enumerate(location) if not _is_kind(location, i)]
    return f"{project}:" + ".".join(parts)


def _location(error: ErrorDetails) -> tuple[int | str, ...]:
    """Where an error is. pydantic puts `[key]` behind the name of an entry whose name itself is wrong."""
    location = error["loc"]
    return location[:-1] if error["type"] == "value_error" and location[-1:] == ("[key]",) else location


def _remedy(kind: str, message: str, context: Mapping[str, Any]) -> str:
    """What would be right, in our words where pydantic's are a programmer's."""
    if kind == "literal_error":
        return f"must be one of: {context['expected']}"
    if kind in ("greater_than_equal", "greater_than"):
        return f"must be at least {context.get('ge', context.get('gt'))}"
    if kind in ("less_than_equal", "less_than"):
        return f"must be at most {context.get('le', context.get('lt'))}"
    if kind == "string_pattern_mismatch":
        return f"must match the pattern {context['pattern']}"
    if kind in _SIZES:
        bound, unit = _SIZES[kind]
        return f"must have at {'least' if bound == 'min_length' else 'most'} {context[bound]} {unit}"
    return _REMEDIES.get(kind, message)


def _problem(project: str, error: ErrorDetails) -> Problem:
    kind, location = error["type"], _location(error)
    message = error["msg"].removeprefix("Value error, ")
    path = _path(project, location)
    if kind == "extra_forbidden":
        return Problem(path, shown(error["input"]), _unknown_key(location))
    if kind == "missing":
        return Problem(path, None, _REMEDIES[kind])
    if kind == "union_tag_invalid":
        value = cast("dict[str, object]", error["input"]).get("kind")
        kinds = ", ".join(sorted(_UNIONS[str(location[0])]))
        return Problem(f"{path}.kind", shown(value), f"must be one of: {kinds}")
    remedy = _remedy(kind, message, error.get("ctx", {}))
    value = None if kind == "value_error" and isinstance(error["input"], dict) else shown(error["input"])
    return Problem(path, value, remedy)


def _of_rule(project: str, line: str) -> Problem:
    """What a rule says: `path = value | remedy`."""
    head, _, remedy = line.partition(" | ")
    path, _, value = head.partition(" = ")
    return Problem(f"{project}:{path}", value, remedy)


def _decode(project: str, key: str, text: str, problems: list[Problem]) -> Any:
    if key not in _MAPPINGS:
        return text
    try:
        return decode(text)
    except ValueError as error:
        problems.append(Problem(f"{project}:{key}", shown(text), str(error)))
        return None


def parse(
    values: Mapping[str, str], *, project: str, source: str, kube_context: str | None = None, stack: str | None = None
) -> Settings:
    """Parse the configuration of a stack.

    Args:
        values: Namespaced key to string, objects as JSON: what Pulumi's engine hands to a program.
        project: Pulumi project name, the namespace of our keys.
        source: What to name in messages, for example `Pulumi.dev.yaml`.
        kube_context: Context that takes the place of the embedded cluster, or None.
        stack: Name of the stack; None: what clouds say of names that are made of it is not asked.

    Returns:
        The settings.

    Raises:
        SettingsError: Something is wrong; holds every problem.
    """
    problems: list[Problem] = []
    data: dict[str, Any] = {}
    for full, text in values.items():
        namespace, _, key = full.partition(":")
        if namespace == project:
            value = _decode(project, key, text, problems)
            # Pulumi.yaml can only declare a key with a default: an empty mapping there says that it is not given.
            if value != {}:
                data[key] = value
        elif namespace != "pulumi":
            remedy = f"unknown namespace; providers are configured per cluster, so only {project}: and pulumi: are read"
            problems.append(Problem(shown(full), shown(text), remedy))
    problems += take_unprintable(project, data)
    if kube_context is not None:
        _replace_embedded(data, kube_context)
    settings = _validate(Place(project, stack), data, problems)
    if settings is None or problems:
        raise SettingsError(source, problems)
    return settings


def _validate(place: Place, data: dict[str, Any], problems: list[Problem]) -> Settings | None:
    """Validate, and where a value is wrong, again without it: a rule between values runs only when each is right."""
    reported = Reported({p.path for p in problems})
    remaining = copy.deepcopy(data)
    # Entries that fell out because they are wrong: that somebody refers to them is no problem of its own.
    gone: set[str] = set()
    for attempt in range(_VALIDATION_ROUNDS):
        try:
            settings = Settings.model_validate(remaining)
        except ValidationError as error:
            details = error.errors(include_url=False)
            for detail in details:
                _report(_problem(place.project, detail), problems, reported)
            # Backwards, so that taking one entry out of a list does not move those still to go.
            removed = [_remove(remaining, detail, gone) for detail in reversed(details)]
            if not any(removed):
                break
        else:
            for line in broken_rules(settings, place):
                problem = _of_rule(place.project, line)
                if problem.value not in gone:
                    _report(problem, problems, reported)
            return settings if attempt == 0 else None
    return None


def _report(problem: Problem, problems: list[Problem], reported: Reported) -> None:
    if problem.path not in reported:
        problems.append(problem)
        reported.add(problem.path)


def _remove(data: dict[str, Any], detail: ErrorDetails, gone: set[str]) -> bool:
    """Take the value that an error is about out of the data; a missing key takes its parent with it."""
    whole = _location(detail)
    location = [p for i, p in enumerate(whole) if not _is_kind(whole, i)]
    if detail["type"] == "missing":
        location = location[:-1]
    if not location:
        return False
    if len(location) == 2:
        gone.add(str(location[1]))
    current: object = data
    for part in location[:-1]:
        if isinstance(current, dict):
            current = cast("dict[str | int, object]", current).get(part)
        elif isinstance(current, list) and isinstance(part, int):
            items = cast("list[object]", current)
            current = items[part] if part < len(items) else None
    if isinstance(current, dict):
        return cast("dict[str | int, object]", current).pop(location[-1], _ABSENT) is not _ABSENT
    if (
        isinstance(current, list)
        and isinstance(location[-1], int)
        and location[-1] < len(cast("list[object]", current))
    ):
        del cast("list[object]", current)[location[-1]]
        return True
    return False


def _replace_embedded(data: dict[str, Any], kube_context: str) -> None:
    clusters = data.get("clusters")
    if not isinstance(clusters, dict):
        return
    for cluster in cast("dict[str, Any]", clusters).values():
        if isinstance(cluster, dict) and cast("dict[str, Any]", cluster).get("kind") == "embedded":
            entry = cast("dict[str, Any]", cluster)
            entry["kind"] = "existing"
            entry["context"] = kube_context
            # The certificate is of the embedded cluster's own authority.
            if isinstance(ingress := entry.get("ingress"), dict):
                cast("dict[str, Any]", ingress).pop("https", None)
