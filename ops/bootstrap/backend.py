"""Pulumi's CLI, bound to one backend and one working directory."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from ops.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHOWN_LINES = 15


@dataclass(frozen=True)
class Backend:
    """A place that holds states.

    Attributes:
        cli: Pulumi's CLI.
        url: URL of the backend.
        directory: Directory of the Pulumi.yaml that the CLI works in.
        environment: Further environment variables.
    """

    cli: Path
    url: str
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def run(self, *arguments: str) -> str:
        """Run the CLI.

        Args:
            arguments: Command and its arguments.

        Returns:
            Its standard output.

        Raises:
            EngineError: It failed; the message has its last lines.
        """
        done = self._call(*arguments)
        if done.returncode != 0:
            said = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
            tail = "\n".join(f"  {line}" for line in said[-_SHOWN_LINES:])
            raise EngineError(f"pulumi {' '.join(arguments[:2])} in {self.url} failed:\n{tail}")
        return done.stdout

    def _call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **self.environment,
            "PULUMI_BACKEND_URL": self.url,
        }
        try:
            return subprocess.run(
                [str(self.cli), *arguments, "--non-interactive", "--color", "never"],
                cwd=self.directory,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except OSError as error:
            raise EngineError(f"{self.cli} cannot be run: {error.strerror}") from None

    def stacks(self) -> list[str]:
        """Names of the project's stacks in the backend.

        Returns:
            Them, without organization and project.
        """
        listed = cast("list[dict[str, Any]]", json.loads(self.run("stack", "ls", "--json") or "[]"))
        return [str(entry["name"]).rsplit("/", 1)[-1] for entry in listed]

    def urns(self, stack: str) -> set[str]:
        """URNs of everything in a stack's state.

        Args:
            stack: Stack name.

        Returns:
            Them; empty for a stack that was never changed.
        """
        exported = cast("dict[str, Any]", json.loads(self.run("stack", "export", "--stack", stack)))
        resources = cast("list[dict[str, Any]]", exported.get("deployment", {}).get("resources", []))
        return {str(resource["urn"]) for resource in resources}
