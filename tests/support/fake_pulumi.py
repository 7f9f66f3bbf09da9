"""A stand-in for Pulumi's CLI: one stack in its backend, events that were prepared, and a note of every call."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from ops.pulumi.cli import Cli

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

VERSION = "v3.205.0"
"""The newest to which Pulumi's SDK gives a file for its events; later ones call a server of the SDK's."""
PREFIX = "urn:pulumi:dev::slipway::"
_LOCKED = (
    "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the "
    "lock file with `pulumi cancel`.\n  file:///x/.pulumi/locks/x.json: created by {holder} at 2026-11-21T06:00:00Z"
)
_SCRIPT = """\
#!{python} -IS
import json, os, pathlib, re, sys
home = pathlib.Path({home!r})
arguments = [argument for argument in sys.argv[1:] if argument != "--non-interactive"]
line = " ".join(arguments)
if line == "version":
    print({version!r})
    sys.exit()
mine = {{name: value for name, value in os.environ.items() if name.startswith(("PULUMI_", "KUBECONFIG"))}}
with (home / "calls").open("a") as log:
    log.write(json.dumps({{"arguments": arguments, "directory": os.getcwd(), "environment": mine}}) + "\\n")
world = json.loads((home / "world").read_text())
def leave(text="", error="", code=0):
    (home / "world").write_text(json.dumps(world))
    sys.stdout.write(text)
    sys.stderr.write(error)
    sys.exit(code)
if line.startswith("stack export"):
    if world["state"] is None:
        leave(error="error: no stack named 'dev' found", code=255)
    leave(json.dumps({{"version": 3, "deployment": world["state"]}}))
if line.startswith("stack init"):
    world["state"] = {{}}
    with open("Pulumi.dev.yaml", "a") as file:
        file.write("encryptionsalt: v1:salt\\n")
    leave()
if line.startswith("stack history"):
    leave(json.dumps(world["history"]))
if line.startswith("cancel"):
    world["lock"] = None
    leave()
if world["lock"]:
    leave(error=world["lock"], code=255)
if line.startswith("stack import"):
    file = pathlib.Path(arguments[arguments.index("--file") + 1])
    assert file.parent.stat().st_mode & 0o777 == 0o700
    world["state"] = json.loads(file.read_text())["deployment"] or {{}}
    leave()
if line.startswith("stack rm"):
    world["state"] = None
    if "--preserve-config" not in arguments:
        pathlib.Path("Pulumi.dev.yaml").unlink(missing_ok=True)
    leave()
run = next((run for run in world["runs"] if re.search(run["pattern"], line)), None)
if run is None:
    leave(error="error: nothing was prepared for " + line, code=255)
if "--event-log" in arguments:
    with open(arguments[arguments.index("--event-log") + 1], "a") as log:
        for event in run["events"]:
            log.write(json.dumps(event) + "\\n")
if run["after"] is not None:
    world["state"] = run["after"]
world["history"] = [{{
    "kind": arguments[0], "startTime": "2026-11-21T06:00:00.000Z", "message": "", "environment": {{}}, "config": {{}},
    "result": "succeeded",
}}]
leave(error=run["error"], code=255 if run["error"] else 0)
"""


@dataclass(frozen=True)
class Run:
    """One call of the CLI: its arguments, its directory, and what of its environment is Pulumi's."""

    arguments: list[str]
    directory: str
    environment: dict[str, str]

    @property
    def line(self) -> str:
        """The arguments in one line."""
        return " ".join(self.arguments)


class FakePulumi:
    """Pulumi's CLI on disk. A stack that nobody made is unknown to it; runs that nobody prepared fail."""

    def __init__(self, home: Path) -> None:
        self._home = home / "fake-pulumi"
        self._home.mkdir()
        self.path = self._home / "pulumi"
        self.path.write_text(
            _SCRIPT.format(python=sys.executable, home=str(self._home), version=VERSION), encoding="utf-8"
        )
        # The provider beside it says that nothing has to be fetched.
        for program in (self.path, self._home / "pulumi-resource-kubernetes"):
            program.touch()
            program.chmod(0o755)
        self._write(state=None, lock=None, runs=[], history=[])

    @property
    def cli(self) -> Cli:
        """As `cli.find` finds it."""
        environment = {"PATH": f"{self.path.parent}{os.pathsep}{os.environ['PATH']}"}
        return Cli(self.path, VERSION, "on PATH", environment)

    @property
    def state(self) -> dict[str, Any] | None:
        """The stack's state; None if the backend does not know it."""
        return self._world()["state"]

    @state.setter
    def state(self, deployment: dict[str, Any] | None) -> None:
        self._write(state=deployment)

    @property
    def locked(self) -> bool:
        """Whether somebody holds the stack's lock."""
        return bool(self._world()["lock"])

    def lock(self, holder: str = "ann@far (pid 7)") -> None:
        """Have somebody hold the stack's lock."""
        self._write(lock=_LOCKED.format(holder=holder))

    def on(
        self,
        pattern: str,
        *events: dict[str, Any],
        after: dict[str, Any] | None = None,
        error: str = "",
    ) -> None:
        """Prepare runs whose arguments fit `pattern`; later ones win. `after` is the state that they leave."""
        ended: dict[str, Any] = {"resourceChanges": {}, "durationSeconds": 1}
        summary = {"sequence": 9, "timestamp": 0, "summaryEvent": ended}
        run = {"pattern": pattern, "events": [*events, summary], "after": after, "error": error}
        self._write(runs=[run, *self._world()["runs"]])

    @property
    def calls(self) -> list[Run]:
        file = self._home / "calls"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return [Run(**cast("dict[str, Any]", json.loads(line))) for line in lines]

    def ran(self) -> list[str]:
        """What it was called for: the first words of each call."""
        return [" ".join(call.arguments[: 2 if call.arguments[0] == "stack" else 1]) for call in self.calls]

    def _world(self) -> dict[str, Any]:
        return cast("dict[str, Any]", json.loads((self._home / "world").read_text(encoding="utf-8")))

    def _write(self, **changes: Any) -> None:
        file = self._home / "world"
        before = self._world() if file.exists() else {}
        file.write_text(json.dumps({**before, **changes}), encoding="utf-8")


def resource(urn: str, inputs: dict[str, Any] | None = None, **more: object) -> dict[str, Any]:
    """A resource of a state; one on a cluster is the Service `n/nginx` where nothing else is said."""
    token = urn.split("::")[2].rsplit("$", 1)[-1]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nginx", "namespace": "n"}}
    given = service if token.startswith("kubernetes:") else {}
    return {"urn": urn, "type": token, "custom": True, "inputs": given if inputs is None else inputs, **more}


def operation(urn: str, kind: str) -> dict[str, Any]:
    """A pending operation of a state."""
    return {"resource": resource(urn), "type": kind}


def step(
    op: str,
    urn: str,
    old: dict[str, Any] | None,
    new: dict[str, Any] | None,
    *,
    provider: str = f"{PREFIX}pulumi:providers:kubernetes::k",
    **more: object,
) -> dict[str, Any]:
    """A step of the engine's as its events tell it."""
    token = urn.split("::")[2].rsplit("$", 1)[-1]

    def side(inputs: dict[str, Any] | None) -> dict[str, Any] | None:
        known = {"type": token, "urn": urn, "custom": True, "inputs": inputs, "outputs": inputs}
        return None if inputs is None else known

    return {
        "op": op, "urn": urn, "type": token, "provider": f"{provider}::id", "old": side(old), "new": side(new), **more
    }  # fmt: skip


def begins(metadata: dict[str, Any]) -> dict[str, Any]:
    """The event that a step begins, or in a preview that it would be made."""
    return {"sequence": 0, "timestamp": 0, "resourcePreEvent": {"metadata": metadata}}


def ends(metadata: dict[str, Any]) -> dict[str, Any]:
    """The event of a step's result."""
    return {"sequence": 0, "timestamp": 0, "resOutputsEvent": {"metadata": metadata}}


def complains(message: str, urn: str = "", severity: str = "error") -> dict[str, Any]:
    """The event of a message."""
    said = {"urn": urn, "prefix": "", "message": message, "color": "never", "severity": severity}
    return {"sequence": 0, "timestamp": 0, "diagnosticEvent": said}


def made(manifests: Sequence[dict[str, Any]], provider: str) -> dict[str, Any]:
    """A state in which a cluster's objects were made by a provider."""
    entries = [
        resource(f"{PREFIX}kubernetes:x/v1:{item['kind']}::{item['metadata']['name']}", item, provider=provider)
        for item in manifests
    ]
    return {"resources": entries}
