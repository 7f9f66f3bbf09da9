"""The reference of all settings, from the JSON schema of the models and their docstrings."""

from __future__ import annotations

import difflib
import inspect
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import yaml
from pydantic import BaseModel

from stacks.settings.fields import Model
from stacks.settings.root import Settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import JsonValue

    Schema = dict[str, Any]

_ANY_NAME = "<name>"
_DESCRIBED = re.compile(r"^    (\w+): (.*(?:\n {8,}.*)*)", re.MULTILINE)
_SUGGESTIONS = 3


@dataclass(frozen=True)
class Entry:
    """One setting.

    Attributes:
        path: Key path; `<name>` stands for a name that the stack file chooses.
        kind: Value of `kind` beside it that it belongs to; empty where there are no kinds.
        type: Type and bounds.
        default: Value where it is not given, as YAML; None: it has to be given.
        example: A value that is right, as YAML.
        about: One sentence.
    """

    path: str
    kind: str
    type: str
    default: str | None
    example: str
    about: str


@cache
def entries() -> tuple[Entry, ...]:
    """Every setting, in the order of the models, what is below a setting behind it."""
    models = {model.__name__: model for model in _models(Settings)}
    schema = Settings.model_json_schema()
    definitions = cast("dict[str, Schema]", schema["$defs"])
    for name, definition in definitions.items():
        _describe(definition, models[name])
    _describe(schema, Settings)
    return tuple(_Walk(definitions).below(schema, "", ""))


def find(path: str) -> list[Entry]:
    """A setting and all that is below it; what several kinds have comes once for each.

    Args:
        path: Key path, with the names of a stack file or with `<name>`.
    """
    wanted = path.split(".")
    return [entry for entry in entries() if _matches(entry.path.split("."), wanted)]


def similar(path: str) -> list[str]:
    """The key paths most like one that is not known."""
    wanted = path.split(".")
    named = [
        ".".join(wanted[i] if part == _ANY_NAME and i < len(wanted) else part for i, part in enumerate(known))
        for known in (entry.path.split(".") for entry in entries())
    ]
    return difflib.get_close_matches(path, list(dict.fromkeys(named)), _SUGGESTIONS, 0.4)


def markdown() -> str:
    """The text of docs/settings.md."""
    lines = [
        "# All settings",
        "",
        "Generated from the models in `stacks/settings`; `slipway config explain KEY` shows a part of it. `<name>` is",
        "chosen by the stack file, and each key of the first level has the project's prefix there: `slipway:apps`.",
        "Where a mapping is given, what is left out of it has the default of its own line. What rules between settings",
        "say, `slipway config check` tells.",
    ]
    groups: dict[str, list[str]] = {}
    for entry in entries():
        parts = entry.path.split(".")
        below = ".".join(parts[: 1 if parts[0] == "state" else 2])
        here = "The stack" if len(parts) == 1 else f"`{below}`"
        here += f", kind `{entry.kind}`" if entry.kind else ""
        default = "required" if entry.default is None else f"`{entry.default}`"
        cells = (f"`{entry.path}`", entry.type, default, f"`{entry.example}`", entry.about)
        groups.setdefault(here, []).append(f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |")
    for title, rows in groups.items():
        lines += [
            "",
            f"## {title}",
            "",
            "| key | type | default | example | |",
            "| --- | --- | --- | --- | --- |",
            *rows,
        ]
    return "\n".join(lines) + "\n"


def _models(root: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield root
    for model in Model.__subclasses__():
        yield from _with_subclasses(model)


def _with_subclasses(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for further in model.__subclasses__():
        yield from _with_subclasses(further)


def _describe(schema: Schema, model: type[BaseModel]) -> None:
    """Put what the docstrings say of a model and of its attributes, inherited ones included, into its schema."""
    said = [inspect.cleandoc(base.__doc__ or "") for base in reversed(model.__mro__) if issubclass(base, BaseModel)]
    about = {name: " ".join(text.split()) for doc in said for name, text in _DESCRIBED.findall(doc)}
    schema["description"] = said[-1].split("\n")[0]
    for name, field in model.model_fields.items():
        if name in about:
            schema["properties"][field.alias or name]["description"] = about[name]


def _matches(known: Sequence[str], wanted: Sequence[str]) -> bool:
    return len(known) >= len(wanted) and all(
        part in (_ANY_NAME, asked) for part, asked in zip(known, wanted, strict=False)
    )


def _text(value: JsonValue) -> str:
    """A value on one line, as YAML has it."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_text(part)}" for key, part in value.items() if part is not None) + "}"
    if isinstance(value, list):
        return f"[{', '.join(_text(part) for part in value)}]"
    if isinstance(value, str) and not isinstance(yaml.safe_load(value), str):
        return f'"{value}"'
    return value if isinstance(value, str) else "none" if value is None else json.dumps(value)


class _Walk:
    """Goes through a schema."""

    def __init__(self, definitions: dict[str, Schema]) -> None:
        self._definitions = definitions

    def below(self, schema: Schema, prefix: str, kind: str) -> Iterator[Entry]:
        """The entries of a mapping's keys."""
        for key, found in cast("dict[str, Schema]", schema["properties"]).items():
            path = f"{prefix}{key}"
            value = self._value(found)
            required = key in schema.get("required", ())
            about = found.get("description") or value.get("description", "")
            if key == "kind":
                about = "Which kind it is; the other keys depend on it."
            default = None if required else _text(found.get("default", {}) if path != "apps" else {})
            yield Entry(path, kind, self._type(found), default, _text(self._example(found)), about)
            if "properties" in value:
                yield from self.below(value, f"{path}.", kind)
            elif "additionalProperties" in value:
                yield from self._named(value["additionalProperties"], f"{path}.{_ANY_NAME}")

    def _named(self, schema: Schema, path: str) -> Iterator[Entry]:
        kinds = cast("dict[str, str]", schema.get("discriminator", {}).get("mapping") or {"": ""})
        for kind, reference in kinds.items():
            found = self._value({"$ref": reference} if kind else schema)
            yield Entry(path, kind, "mapping", "none", _text(self._example(found)), found["description"])
            yield from self.below(found, f"{path}.", kind)

    def _value(self, schema: Schema) -> Schema:
        """What a schema says of a value that is given, references followed."""
        if "anyOf" in schema:
            return self._value(next(part for part in schema["anyOf"] if part.get("type") != "null"))
        if "$ref" in schema:
            return self._definitions[schema["$ref"].rsplit("/", 1)[-1]]
        return schema

    def _type(self, schema: Schema) -> str:
        value = self._value(schema)
        if "const" in value:
            return f"`{value['const']}`"
        if "enum" in value:
            *others, last = (f"`{choice}`" for choice in value["enum"])
            return f"{', '.join(others)} or {last}"
        if value["type"] == "array":
            return f"list of: {self._type(value['items'])}{_bounds(value, 'Items', 'entries')}"
        if value["type"] == "object":
            return f"mapping{_bounds(value, 'Properties', 'entries')}"
        if value["type"] == "boolean":
            return "true or false"
        if value["type"] == "integer":
            low, high = value.get("minimum", value.get("ge")), value.get("maximum", value.get("le"))
            return f"whole number, {low} to {high}"
        pattern = f" like `{value['pattern']}`" if "pattern" in value else ""
        return value.get("format") or f"text{pattern}{_bounds(value, 'Length', 'characters')}"

    def _example(self, schema: Schema) -> JsonValue:
        """A value that is right: the one that is given for the type, or one other than the default."""
        value = {**self._value(schema), **schema}
        if "examples" in value:
            return value["examples"][0]
        if "const" in value or "enum" in value:
            return value.get("const") or next(c for c in reversed(value["enum"]) if c != value.get("default"))
        if value.get("type") == "array":
            return [self._example(value["items"])]
        if value.get("additionalProperties"):
            entry = value["additionalProperties"]
            return {"main": self._example(entry["oneOf"][0] if "oneOf" in entry else entry)}
        if "properties" in value:
            keys = value.get("required") or list(value["properties"])[:1]
            return {key: self._example(value["properties"][key]) for key in keys}
        return not value.get("default")


def _bounds(value: Schema, what: str, unit: str) -> str:
    ends = (("least", f"min{what}"), ("most", f"max{what}"))
    bounds = [f"at {word} {value[key]}" for word, key in ends if key in value]
    return f", {' and '.join(bounds)} {unit}" if bounds else ""
