"""What the tests of environments need: Pulumi's CLI with its backend in memory, and an `up` on clusters in memory."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pulumi.automation import CommandResult
from pulumi.automation.errors import create_command_error

from ops.access import reachable
from ops.environments.known import ENVIRONMENT_TAG
from ops.environments.names import now, written
from ops.pulumi.lock import locked
from ops.pulumi.results import Outcome
from ops.pulumi.session import open_stack
from ops.status import collect
from stacks.stack_file import stack_file

if TYPE_CHECKING:
    from ops.pulumi.cli import Cli
    from ops.stack import Stack
    from tests.support.memory import MemoryCluster

DEPLOYED = {"observedGeneration": 1, "readyReplicas": 9, "updatedReplicas": 9}
_TIME = "2026-03-01T12:00:00.000Z"


@dataclass
class MemoryStack:
    tags: dict[str, str] = field(default_factory=dict[str, str])
    resources: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    history: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    def ended(self, kind: str) -> None:
        """Write an update into the history."""
        entry: dict[str, Any] = {"kind": kind, "result": "succeeded", "startTime": _TIME, "message": ""}
        self.history.insert(0, {**entry, "environment": {}, "config": {}})


@dataclass
class MemoryPulumi:
    """Pulumi's CLI, as `StoppableCommand` runs it, and its backend."""

    stacks: dict[str, MemoryStack] = field(default_factory=dict[str, MemoryStack])
    fails: dict[str, BaseException] = field(default_factory=dict[str, BaseException])
    leaves: bool = False
    ups: list[str] = field(default_factory=list[str])
    calls: list[list[str]] = field(default_factory=list[list[str]])

    def run(self, args: list[str], *_: object) -> CommandResult:
        self.calls.append(args)
        try:
            return CommandResult(stdout=self._answer(args), stderr="", code=0)
        except LookupError as error:
            result = CommandResult(stdout="", stderr=f"error: {error.args[0]}", code=255)
            raise create_command_error(result) from None

    def _answer(self, args: list[str]) -> str:
        name = args[args.index("--stack") + 1] if "--stack" in args else ""
        if args[:2] == ["stack", "ls"]:
            return json.dumps([{"name": known} for known, stack in self.stacks.items() if args[-1] in stack.tags])
        if args[:2] == ["stack", "init"]:
            if args[2] in self.stacks:
                raise LookupError(f"stack '{args[2]}' already exists")
            self.stacks[args[2]] = MemoryStack()
            return ""
        if name not in self.stacks:
            raise LookupError(f"no stack named '{name}' found")
        return self._of(name, self.stacks[name], args)

    def _of(self, name: str, stack: MemoryStack, args: list[str]) -> str:
        """A call about one stack."""
        answers: dict[str, object] = {
            "stack tag ls": stack.tags,
            "stack export": {"version": 3, "deployment": {"resources": stack.resources}},
            "stack history": stack.history,
        }
        for call, answer in answers.items():
            if " ".join(args).startswith(call):
                return json.dumps(answer)
        match args:
            case ["stack", "tag", "set", tag, value, *_]:
                stack.tags[tag] = value
            case ["config", "refresh", "--force", "--config-file", file, *_]:
                if not stack.history:
                    raise LookupError("getting latest configuration: no previous deployment")
                Path(file).write_text(yaml.safe_dump({"config": stack.settings}), encoding="utf-8")
            case ["stack", "rm", *_]:
                del self.stacks[name]
            case ["destroy", *_]:
                if f"destroy {name}" in self.fails:
                    raise self.fails[f"destroy {name}"]
                stack.resources.clear()
                stack.ended("destroy")
            case _:
                # The state without a protection: here nothing of it is looked at again.
                assert args[:2] == ["stack", "import"], args
        return ""

    def up(self, cli: Cli, stack: Stack, timeout: float, *, message: str | None = None, **_: object) -> Outcome:
        """Make what is rendered, in the state and on the clusters, or fail as told."""
        assert timeout > 0
        assert message != ""
        with locked(stack.directory, stack.name, "up"), open_stack(cli, stack):
            self.ups.append(stack.name)
            fails = self.fails.get(stack.name)
            there = self.stacks[stack.name]
            there.resources[:] = []
            for name, kubectl in reachable(stack).items():
                self._make(there, stack, name, kubectl, 99 if fails is None else int(self.leaves))
            if fails is not None:
                raise fails
            text = stack_file(stack.directory, stack.name).read_text(encoding="utf-8")
            there.settings = yaml.safe_load(text)["config"]
            there.ended("update")
        return Outcome(changed=True, apps=tuple(collect(stack.rendered, reachable(stack))))

    def _make(self, there: MemoryStack, stack: Stack, name: str, kubectl: Any, count: int) -> None:
        manifests = stack.manifests(name)[:count]
        if manifests:
            cluster = stack.cluster(name)
            outputs = {"name": name, "kind": cluster.kind, "context": cluster.context, "kubeconfig": cluster.kubeconfig}
            kind = "slipway:clusters:ExistingCluster"
            there.resources.append({"urn": f"urn:{kind}::{name}", "type": kind, "outputs": outputs})
        for item in manifests:
            deployed = item["kind"] in ("Deployment", "StatefulSet")
            kubectl.put({**item, "status": DEPLOYED} if deployed else item)
            version = item["apiVersion"] if "/" in item["apiVersion"] else f"core/{item['apiVersion']}"
            kind = f"kubernetes:{version}:{item['kind']}"
            urn = f"urn:{kind}::{name}-{item['metadata']['name']}"
            there.resources.append({"urn": urn, "type": kind, "custom": True, "id": "x", "inputs": item})

    def tags(self, name: str) -> dict[str, str]:
        """The tags of an environment without their prefix."""
        assert ENVIRONMENT_TAG in self.stacks[name].tags
        return {tag.removeprefix("slipway:"): value for tag, value in self.stacks[name].tags.items()}

    def outdate(self, *names: str) -> None:
        """Let the time of environments be over."""
        for name in names:
            self.stacks[name].tags["slipway:expires"] = written(now() - timedelta(minutes=5))


def objects_of(cluster: MemoryCluster, name: str) -> list[str]:
    """Everything on a cluster that carries an environment's label."""
    return [
        str(k) for k, v in cluster.objects.items() if v["metadata"].get("labels", {}).get("slipway.dev/stack") == name
    ]
