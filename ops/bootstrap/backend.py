"""Pulumi's CLI, bound to one backend and one working directory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from pulumi.automation.errors import CommandError

from ops.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ops.pulumi.command import StoppableCommand

_SHOWN_LINES = 15


@dataclass(frozen=True)
class Backend:
    """A place that holds states, and the directory of the Pulumi.yaml that the CLI works in."""

    command: StoppableCommand
    url: str
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(self, *arguments: str) -> str:
        """Its standard output; raises EngineError with the last lines where it fails."""
        environment = {**self.environment, "PULUMI_BACKEND_URL": self.url}
        try:
            return self.command.run([*arguments, "--color", "never"], str(self.directory), environment).stdout
        except CommandError as error:
            said = [line for line in str(error).splitlines() if line.strip()]
            tail = "\n".join(f"  {line}" for line in said[-_SHOWN_LINES:])
            raise EngineError(f"pulumi {' '.join(arguments[:2])} in {self.url} failed:\n{tail}") from None

    def stacks(self) -> list[str]:
        """Names of the project's stacks in the backend, without organization and project."""
        listed = cast("list[dict[str, Any]]", json.loads(self.run("stack", "ls", "--json") or "[]"))
        return [str(entry["name"]).rsplit("/", 1)[-1] for entry in listed]

    def urns(self, stack: str) -> set[str]:
        """URNs of everything in a stack's state; none for a stack that was never changed."""
        exported = cast("dict[str, Any]", json.loads(self.run("stack", "export", "--stack", stack)))
        resources = cast("list[dict[str, Any]]", exported.get("deployment", {}).get("resources", []))
        return {str(resource["urn"]) for resource in resources}
