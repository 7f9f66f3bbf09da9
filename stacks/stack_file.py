"""Reads Pulumi.yaml and Pulumi.<stack>.yaml as Pulumi's CLI does, for runs without the CLI.

Values come out the way the engine hands them to a program: a flat mapping of namespaced key to string, objects and
lists as JSON (https://www.pulumi.com/docs/iac/concepts/config/).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from stacks.settings.problems import Problem, SettingsError, shown

ENVIRONMENTS = Path(".slipway") / "environments"
"""Below the project: stack files of environments (`slipway env`), which never go under version control."""
_STACK_NAME = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_FILE_LIMIT_BYTES = 200_000
_NODE_LIMIT = 20_000
_DEPTH_LIMIT = 50
PROJECT_KEYS = {"config", "encryptionsalt", "secretsprovider", "encryptedkey", "environment"}
"""Top-level keys of a stack file (https://www.pulumi.com/docs/iac/concepts/projects/stack-settings-file/)."""


def stack_file(project_dir: Path, stack: str) -> Path:
    """Where a stack's file is, or would be.

    Args:
        project_dir: Directory that holds Pulumi.yaml.
        stack: Stack name, without organization and project.

    Returns:
        `Pulumi.<stack>.yaml` beside Pulumi.yaml, or among the environments' files where there is only that one.
    """
    own = project_dir / f"Pulumi.{stack}.yaml"
    environment = project_dir / ENVIRONMENTS / own.name
    return environment if environment.is_file() and not own.is_file() else own


@dataclass(frozen=True)
class StackConfig:
    """The configuration of one stack, as the engine would pass it.

    Attributes:
        project: Name of the project (`name` in Pulumi.yaml).
        stack: Name of the stack.
        source: File name for messages.
        values: Namespaced key to string value; objects and lists are JSON.
        secret_keys: Keys whose value is or holds an encrypted secret (its clear text is not known here).
    """

    project: str
    stack: str
    source: str
    values: dict[str, str]
    secret_keys: tuple[str, ...]


class _StrictLoader(yaml.SafeLoader):
    """PyYAML's safe loader that refuses a key given twice."""


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, yaml.Mark] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)  # pyright: ignore[reportUnknownMemberType] - untyped library
        if not isinstance(key, str | int | float | bool):
            raise yaml.constructor.ConstructorError(None, None, "a key must be plain text", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands twice (first in line {seen[key].line + 1})", key_node.start_mark
            )
        seen[key] = key_node.start_mark
    loader.flatten_mapping(node)
    return {
        loader.construct_object(key_node, deep=True): loader.construct_object(value_node, deep=True)  # pyright: ignore[reportUnknownMemberType] - untyped library
        for key_node, value_node in node.value
    }


def _text(_: _StrictLoader, node: yaml.Node) -> str:
    return str(node.value)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
# A date or a base-60 number is never meant in a stack file: Pulumi hands such scalars on as text.
for _tag in ("timestamp", "binary"):
    _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _text)


def _check_size(source: str, root: yaml.Node | None) -> None:
    # Aliases share nodes, so a few lines can stand for billions: walk with a budget before anything is constructed.
    budget = _NODE_LIMIT
    todo: list[tuple[yaml.Node, int]] = [(root, 0)] if root else []
    while todo:
        node, depth = todo.pop()
        budget -= 1
        if budget < 0 or depth > _DEPTH_LIMIT:
            remedy = f"holds more than {_NODE_LIMIT} values or is nested deeper than {_DEPTH_LIMIT}; remove aliases"
            raise SettingsError(source, [Problem("", None, remedy)])
        if isinstance(node, yaml.MappingNode):
            todo.extend((value, depth + 1) for _, value in node.value)
        elif isinstance(node, yaml.SequenceNode):
            todo.extend((value, depth + 1) for value in node.value)


def load_yaml(path: Path) -> dict[str, Any]:
    """One YAML file as a mapping.

    Args:
        path: The file.

    Returns:
        Its top-level mapping, empty for an empty file.

    Raises:
        SettingsError: The file is missing, unreadable, too large, no YAML, no mapping, or gives a key twice.
    """
    source = path.name
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        known = sorted(p.name for p in path.parent.glob("Pulumi.*.yaml"))
        remedy = f"the file does not exist; there is: {', '.join(known) or 'none'}"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    except OSError as error:
        remedy = f"cannot be read: {error.strerror}"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    if len(data) > _FILE_LIMIT_BYTES:
        remedy = f"has {len(data)} bytes; at most {_FILE_LIMIT_BYTES} are read"
        raise SettingsError(source, [Problem("", None, remedy)])
    try:
        loader = _StrictLoader(data.decode("utf-8"))
        root = loader.get_single_node()
        _check_size(source, root)
        document: object = cast("Any", loader).construct_document(root) if root else None
    except UnicodeDecodeError as error:
        remedy = f"is not UTF-8 text (byte {error.start}); save it as UTF-8"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        remedy = f"{where}{error.problem or 'no valid YAML'}; correct the YAML syntax"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error).splitlines()[0]
        remedy = f"{reason}; correct the YAML syntax"
        raise SettingsError(source, [Problem("", None, remedy)]) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(source, [Problem("", shown(document), "must be a mapping with the key config")])
    return cast("dict[str, Any]", document)


def _holds_secret(value: object) -> bool:
    if isinstance(value, dict):
        mapping = cast("dict[object, object]", value)
        return set(mapping) == {"secure"} or any(_holds_secret(item) for item in mapping.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in cast("list[object]", value))


def _as_engine_text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, default=str)
    return "" if value is None else str(value)


def _defaults(project: dict[str, Any], name: str) -> dict[str, object]:
    given: object = project.get("config") or {}
    if not isinstance(given, dict):
        problem = Problem("config", shown(given), "must be a mapping of configuration keys")
        raise SettingsError("Pulumi.yaml", [problem])
    declared = cast("dict[str, Any]", given)
    result: dict[str, object] = {}
    for key, declaration in declared.items():
        full = key if ":" in key else f"{name}:{key}"
        if isinstance(declaration, dict):
            entry = cast("dict[str, Any]", declaration)
            for field in ("default", "value"):
                if field in entry:
                    result[full] = entry[field]
        else:
            result[full] = declaration
    return result


def read_stack_config(project_dir: Path, stack: str) -> StackConfig:
    """The configuration of a stack from the two files, defaults of Pulumi.yaml filled in.

    Args:
        project_dir: Directory that holds Pulumi.yaml.
        stack: Stack name; its file is Pulumi.<stack>.yaml (see `stack_file`).

    Returns:
        The configuration as the engine would pass it.

    Raises:
        SettingsError: A file is missing or wrong, or the stack name cannot be one.
    """
    # The part after the last '/' names the file for a fully qualified stack (organization/project/stack).
    short = stack.rsplit("/", 1)[-1]
    if not _STACK_NAME.fullmatch(short) or short in {".", ".."}:
        raise SettingsError(
            f"stack {shown(stack)}", [Problem("--stack", shown(stack), "must be letters, digits, '-', '_' and '.'")]
        )
    project = load_yaml(project_dir / "Pulumi.yaml")
    name = str(project.get("name", "slipway"))
    path = stack_file(project_dir, short)
    document = load_yaml(path)
    problems = [
        Problem(str(key), None, f"unknown key; a stack file has: {', '.join(sorted(PROJECT_KEYS))}")
        for key in document
        if key not in PROJECT_KEYS
    ]
    config: object = document.get("config") or {}
    if not isinstance(config, dict):
        problems.append(Problem("config", shown(config), "must be a mapping of namespaced keys"))
        config = {}
    values = _defaults(project, name)
    for key, value in cast("dict[object, object]", config).items():
        text = str(key)
        values[text if ":" in text else f"{name}:{text}"] = value
    if problems:
        raise SettingsError(path.name, problems)
    return StackConfig(
        project=name,
        stack=short,
        source=path.name,
        values={key: _as_engine_text(value) for key, value in values.items() if value is not None},
        secret_keys=tuple(sorted(key for key, value in values.items() if _holds_secret(value))),
    )
