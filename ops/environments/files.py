"""The stack file of an environment on this machine: Pulumi's backend gives it again from the last deployment."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING, Any

import yaml

from ops.environments.names import check_name
from ops.errors import RefusedError
from ops.files import replace
from ops.pulumi import cli
from ops.pulumi.backend import data_home, of_project
from ops.render.files import Dumper
from stacks.stack_file import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from local.progress import Progress
    from ops.environments.known import Known

_YOUNG_S = 900


def file_of(directory: Path, name: str) -> Path:
    """Where the stack file of an environment is kept."""
    return directory / ENVIRONMENTS / f"Pulumi.{name}.yaml"


def forget(directory: Path, name: str) -> None:
    """Take the stack file of an environment away, and the directory that Pulumi worked in for it."""
    file_of(directory, name).unlink(missing_ok=True)
    shutil.rmtree(data_home() / "work" / name, ignore_errors=True)


def written(name: str, template: str, document: Mapping[str, Any]) -> str:
    """Text of an environment's stack file."""
    heading = f"# Environment {name}, made from stack {template} by `slipway env create`.\n"
    return heading + yaml.dump(dict(document), Dumper=Dumper, sort_keys=False, allow_unicode=True)


def restore(directory: Path, name: str, progress: Progress) -> None:
    """Write the stack file of an environment that was made elsewhere; nothing happens where there is none. Raises
    RefusedError where it was never up, so that nothing says its settings."""
    from ops.environments.known import Known

    try:
        check_name(name)
    except RefusedError:
        return
    own = of_project(directory, name).own
    if own is not None and not any(own.glob(f".pulumi/stacks/*/{name}.json*")):
        return
    known = Known(cli.find(progress), directory)
    tags = known.tags(name)
    if tags is None:
        return
    replace(file_of(directory, name), written(name, tags.template, known.settings(name)))
    progress.note(f"stack {name} is an environment; its settings were read from Pulumi's backend")


def sweep(known: Known, names: Collection[str]) -> None:
    """Take away what a killed `create` left before it was an environment, and files of what is gone."""
    for file in (known.directory / ENVIRONMENTS).glob("Pulumi.*.yaml"):
        name = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        # One that is just being made is none yet.
        if name not in names and time.time() - file.stat().st_mtime > _YOUNG_S:
            known.remove_empty(name)
            forget(known.directory, name)
