"""From a stack's name to the stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.environments.files import restore
from ops.project import project_dir
from ops.render import program
from ops.stack import Stack, digest
from stacks.stack_file import stack_file

if TYPE_CHECKING:
    from local.progress import Progress


def load(name: str, progress: Progress) -> Stack:
    """Render a stack; raises SettingsError where its settings are wrong."""
    directory = project_dir()
    if not stack_file(directory, name).is_file():
        # An environment that was made elsewhere: Pulumi's backend has its settings.
        restore(directory, name, progress)
    read = digest(stack_file(directory, name))
    return Stack(name, directory, program.render(name, directory), progress, read)
