"""What a plain `up` or `down` does when its stack is an environment: the record follows."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from ops.environments import record as records
from ops.environments.files import forget
from ops.environments.record import READY
from ops.errors import RefusedError
from stacks.stack_file import stack_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from ops.kube import Kubectl
    from ops.stack import Stack


@contextmanager
def upkeep(stack: Stack) -> Generator[None]:
    """Around an `up`: the record has the settings before anything is made by them, and then says that it is complete.

    Nothing happens for a stack that is no environment.

    Raises:
        RefusedError: It was removed meanwhile; an `up` would make what nobody would ever remove.
        OpsError: A cluster does not answer.
    """
    if not stack.is_environment:
        yield
        return
    _refresh(stack)
    yield
    for kubectl in stack.reachable().values():
        records.update(kubectl, stack.name, state=READY)


def _refresh(stack: Stack) -> None:
    text = stack_file(stack.directory, stack.name).read_text(encoding="utf-8")
    clusters = stack.reachable()
    for name, kubectl in clusters.items():
        found = records.find(kubectl, stack.name)
        if found is None:
            raise RefusedError(
                f"environment {stack.name} is not on cluster {name} any more: it was deleted, or its time was over; "
                f"make it anew with `slipway env create {stack.name}`"
            )
        here = [other for other, there in clusters.items() if str(there.access) == str(kubectl.access)]
        wanted = replace(
            found,
            settings=found.settings if yaml.safe_load(text) == found.document() else text,
            lifecycle="durable" if stack.durable else "ephemeral",
            clusters=tuple(here),
            namespaces=tuple(sorted({space for other in here for space in stack.namespaces(other)})),
            apps=sum(len(stack.apps(other)) for other in here),
        )
        if wanted != found:
            records.write(kubectl, wanted)


def remember(directory: Path, name: str, kubectl: Kubectl) -> None:
    """After a change of the stack file that is applied already, by a release: the record has it too.

    Nothing happens for a stack that is no environment.

    Args:
        directory: Directory of Pulumi.yaml.
        name: Stack name.
        kubectl: The cluster that the change is about.

    Raises:
        OpsError: The cluster does not answer.
    """
    file = stack_file(directory, name)
    if file.parent != directory:
        records.update(kubectl, name, settings=file.read_text(encoding="utf-8"))


def gone(stack: Stack) -> None:
    """After a `down`: the stack file of an environment goes with it; nothing happens for another stack."""
    if stack.is_environment:
        forget(stack.directory, stack.name)
