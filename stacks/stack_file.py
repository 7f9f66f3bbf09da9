"""Reads Pulumi.yaml and Pulumi.<stack>.yaml as Pulumi's CLI does, for runs without the CLI.

Values come out the way the engine hands them to a program: a flat mapping of namespaced key to string, objects and
lists as JSON (https://www.pulumi.com/docs/iac/concepts/config/).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from stacks.plain_yaml import engine_text, load_yaml
from stacks.settings.problems import Problem, SettingsError, shown

ENVIRONMENTS = Path(".slipway") / "environments"
"""Below the project: stack files of environments (`slipway env`), which never go under version control."""
# Pulumi allows a hundred characters and any of these at both ends; but everything that is made carries the name as a
# label (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set).
_STACK_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
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


def _holds_secret(value: object) -> bool:
    if isinstance(value, dict):
        mapping = cast("dict[object, object]", value)
        return set(mapping) == {"secure"} or any(_holds_secret(item) for item in mapping.values())
    return isinstance(value, list) and any(_holds_secret(item) for item in cast("list[object]", value))


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
    if not _STACK_NAME.fullmatch(short):
        remedy = "must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, at most 63"
        raise SettingsError(f"stack {shown(stack)}", [Problem("--stack", shown(stack), remedy)])
    project = load_yaml(project_dir / "Pulumi.yaml")
    name = str(project.get("name", "slipway"))
    path = stack_file(project_dir, short)
    document = load_yaml(path)
    problems = [
        Problem(shown(key), None, f"unknown key; a stack file has: {', '.join(sorted(PROJECT_KEYS))}")
        for key in document
        if key not in PROJECT_KEYS
    ]
    config: object = document.get("config") or {}
    if not isinstance(config, dict):
        problems.append(Problem("config", shown(config), "must be a mapping of namespaced keys"))
        config = {}
    values, given = _defaults(project, name), dict[str, str]()
    for key, value in cast("dict[str, object]", config).items():
        full = key if ":" in key else f"{name}:{key}"
        if full in given:
            problems.append(Problem(shown(key), None, f"is the same key as {shown(given[full])}; keep one of them"))
        given[full] = key
        values[full] = value
    if problems:
        raise SettingsError(path.name, problems)
    return StackConfig(
        project=name,
        stack=short,
        source=path.name,
        values={key: engine_text(value) for key, value in values.items() if value is not None},
        secret_keys=tuple(sorted(key for key, value in values.items() if _holds_secret(value))),
    )
