"""Writes a flat program: the custom resources of a stack one after the other, no components, plain dictionaries."""

from __future__ import annotations

import importlib
import json
import re
from typing import TYPE_CHECKING, Any, cast

from pulumi import _types  # pyright: ignore[reportPrivateUsage] - the SDK's reader of names has no public name
from pulumi.runtime import rpc

from ops.render.monitor import Record, Secret
from ops.render.placeholders import REFERENCE

if TYPE_CHECKING:
    from collections.abc import Mapping

_PROVIDER = "pulumi:providers:"
_STASH = "pulumi:index:Stash"
_SIMPLE_OPTIONS = {
    "deleteBeforeReplace": "delete_before_replace",
    "ignoreChanges": "ignore_changes",
    "replaceOnChanges": "replace_on_changes",
    "retainOnDelete": "retain_on_delete",
    "additionalSecretOutputs": "additional_secret_outputs",
}


def _class(token: str) -> tuple[str, str]:
    """Module and class of a resource type."""
    if token.startswith(_PROVIDER):
        return f"pulumi_{token.removeprefix(_PROVIDER)}", "Provider"
    if token == _STASH:
        return "pulumi", "Stash"
    package, module, _ = token.split(":", 2)
    for candidate in rpc._RESOURCE_MODULES.get(f"{package}:{module}", []):  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - there is no public lookup
        info: dict[str, Any] = getattr(candidate, "mod_info", {})
        if name := info.get("classes", {}).get(token):
            return info["fqn"], name
    raise LookupError(f"no class for {token}; render the stack first, which loads its SDKs")


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _decoded(key: str, value: Any) -> Any:
    """A provider's input: on the wire they are texts, JSON where they are anything else."""
    if key == "kubeconfig" or not isinstance(value, str):
        return value
    try:
        found: object = json.loads(value)
    except ValueError:
        return value
    return cast("Any", found) if isinstance(found, dict | list | bool) else value


class _Writer:
    """Turns records into lines of Python."""

    def __init__(self, records: Mapping[str, Record]) -> None:
        self._records = [record for record in records.values() if record.custom]
        self._variables = {record.name: f"r{number}" for number, record in enumerate(self._records)}
        self._stashes = {record.name for record in self._records if record.type == _STASH}
        self._by_urn = {record.urn: self._variables[record.name] for record in self._records}
        self._done: set[str] = set()
        self._used: set[str] = set()

    def source(self) -> str:
        """The whole program."""
        modules: set[str] = set()
        lines: list[str] = []
        for record in self._records:
            module, name = _class(record.type)
            modules.add(module)
            lines.append(f"{self._variables[record.name]} = {module}.{name}({self._call(record, module, name)})")
            self._done.add(record.name)
        # Packages, not modules in them: a program reads `kubernetes.core.v1.Service` and loads no more than that.
        imports = sorted({module.partition(".")[0] for module in modules} | {"pulumi"})
        return "\n".join([*(f"import {package}" for package in imports), "", *lines, ""])

    def _call(self, record: Record, module: str, name: str) -> str:
        self._used = set()
        kind = getattr(importlib.import_module(module), name)
        names = _types.resource_pulumi_to_py_names(kind)
        arguments = [repr(record.name)]
        for key, value in record.inputs.items():
            # The SDK adds these by itself.
            if not (module.startswith("pulumi_kubernetes.") and key in ("apiVersion", "kind")):
                given = _decoded(key, value) if record.type.startswith(_PROVIDER) else value
                arguments.append(f"{names.get(key) or _snake(key)}={self._value(given)}")
        if options := self._options(record):
            arguments.append(f"opts=pulumi.ResourceOptions({', '.join(options)})")
        return ", ".join(arguments)

    def _value(self, value: Any) -> str:
        if isinstance(value, Secret):
            return f"pulumi.Output.secret({self._value(value.value)})"
        if isinstance(value, dict):
            entries = cast("dict[str, Any]", value).items()
            return "{" + ", ".join(f"{key!r}: {self._value(item)}" for key, item in entries) + "}"
        if isinstance(value, list):
            return "[" + ", ".join(self._value(item) for item in cast("list[Any]", value)) + "]"
        return self._text(value) if isinstance(value, str) else repr(value)

    def _text(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for match in REFERENCE.finditer(text):
            owner, _, path = match.group()[2:-1].partition(".")
            if owner not in self._done:
                continue
            self._used.add(self._variables[owner])
            if text[end : match.start()]:
                parts.append(repr(text[end : match.start()]))
            output = f"{self._variables[owner]}.{'.'.join(_snake(step) for step in path.split('.'))}"
            # What a stash holds is secret; where that matters, it is wrapped again.
            parts.append(f"pulumi.Output.unsecret({output})" if owner in self._stashes else output)
            end = match.end()
        if not parts:
            return repr(text)
        if text[end:]:
            parts.append(repr(text[end:]))
        return parts[0] if len(parts) == 1 else f"pulumi.Output.concat({', '.join(parts)})"

    def _options(self, record: Record) -> list[str]:
        options: list[str] = []
        if record.provider in self._by_urn:
            options.append(f"provider={self._by_urn[record.provider]}")
        known = [self._by_urn[urn] for urn in record.dependencies if urn in self._by_urn]
        if rest := [variable for variable in known if variable not in self._used]:
            options.append(f"depends_on=[{', '.join(rest)}]")
        if record.protect:
            options.append("protect=True")
        if (owner := self._by_urn.get(record.options.get("deletedWith", ""))) is not None:
            options.append(f"deleted_with={owner}")
        if timeouts := record.options.get("customTimeouts"):
            texts = ", ".join(f"{key}={value!r}" for key, value in timeouts.items())
            options.append(f"custom_timeouts=pulumi.CustomTimeouts({texts})")
        options += [f"{ours}={record.options[key]!r}" for key, ours in _SIMPLE_OPTIONS.items() if key in record.options]
        return options


def source(records: Mapping[str, Record]) -> str:
    """A flat program of the same custom resources.

    Args:
        records: What a stack registered, in the order in which it did; its SDKs are loaded.

    Returns:
        Python source, without functions, components or loops.
    """
    return _Writer(records).source()
