"""The stack file of an environment on this machine: a copy that can be made again from its cluster."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING, Any, cast

import yaml

from ops.environments.names import check_name
from ops.environments.survey import survey
from ops.errors import OpsError, RefusedError, UnreachableError
from stacks.stack_file import ENVIRONMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress
    from ops.environments.survey import Environment, Survey

_MODE = 0o755
_YOUNG_S = 900


def file_of(directory: Path, name: str) -> Path:
    """Where the stack file of an environment is kept."""
    return directory / ENVIRONMENTS / f"Pulumi.{name}.yaml"


def keep(directory: Path, name: str, text: str) -> None:
    """Write the stack file of an environment, in one step.

    Raises:
        OpsError: It cannot be written.
    """
    file = file_of(directory, name)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(mode=_MODE, parents=True, exist_ok=True)
        draft.write_text(text, encoding="utf-8")
        draft.replace(file)
    except OSError as error:
        raise OpsError(f"{file} cannot be written: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)


def forget(directory: Path, name: str) -> None:
    """Take the stack file of an environment away, and what Pulumi's engine kept beside its state."""
    from ops.engines.workspace import data_home

    file_of(directory, name).unlink(missing_ok=True)
    shutil.rmtree(data_home() / "work" / name, ignore_errors=True)


def settings_text(environment: Environment) -> str:
    """The stack file of an environment, leading to its clusters by the way they were found.

    Whoever made it may have called a cluster's context something else.
    """
    record = environment.record
    document = record.document()
    config = cast("dict[str, Any]", document.get("config") or {})
    for key, value in config.items():
        if key.endswith(":clusters") and isinstance(value, dict):
            clusters = cast("dict[str, dict[str, Any]]", value)
            for cluster, there in environment.places.items():
                entry = {k: v for k, v in clusters[cluster].items() if k not in ("context", "kubeconfig")}
                clusters[cluster] = entry | there.settings()
    heading = f"# Environment {record.name}, made from stack {record.template}; its clusters keep a copy.\n"
    return heading + yaml.safe_dump({**document, "config": config}, sort_keys=False, allow_unicode=True)


def restore(directory: Path, name: str, progress: Progress) -> None:
    """Write the stack file of an environment that was made elsewhere; nothing happens where there is none.

    Args:
        directory: Directory of Pulumi.yaml.
        name: Name of a stack without a file.
        progress: Told where it was found.
    """
    try:
        check_name(name)
        found = survey(directory, progress, only=name).environments
    except (RefusedError, UnreachableError):
        return
    if len(found) == 1:
        keep(directory, name, settings_text(found[0]))
        progress.note(f"stack {name} is an environment; its settings were read from its cluster")


def sweep(directory: Path, there: Survey) -> None:
    """Take away the files of environments that are on none of their clusters any more.

    Args:
        directory: Directory of Pulumi.yaml.
        there: What is on the clusters; a file that leads to a cluster that was not reached stays.
    """
    from ops.environments.sites import settings_of, site
    from stacks.settings import SettingsError

    names = {environment.record.name for environment in there.environments}
    ways = {place.way for place, _ in there.reached}
    for file in (directory / ENVIRONMENTS).glob("Pulumi.*.yaml"):
        name = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        try:
            clusters = settings_of(directory, name).clusters
            # One that is just being made has no record yet.
            young = time.time() - file.stat().st_mtime < _YOUNG_S
        except (SettingsError, OSError):
            continue
        asked = [place for cluster, settings in clusters.items() if (place := site(cluster, settings))]
        # A record that cannot be read may be its.
        if not there.broken and name not in names and not young and all(place.way in ways for place in asked):
            forget(directory, name)
