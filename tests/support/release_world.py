"""A release's world: stand-ins for Pulumi, kubectl, crane and an app that is asked."""

from __future__ import annotations

import copy
import json
import socket
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml
from pulumi.automation import CommandResult, Deployment
from pulumi.automation.errors import CommandError

from local.progress import SilentProgress
from ops.pulumi.backend import Backend
from ops.pulumi.session import Session
from ops.releases.history import Entry
from ops.releases.target import find

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from typer.testing import Result

    from ops.kube import Manifest
    from ops.pulumi.command import StoppableCommand
    from ops.pulumi.session import Opened
    from ops.releases.target import Target
    from tests.support.programs import FakeProgram
    from tests.support.web import Request

ANSWER = '{"succeeded": true}'
DIGESTS = {"1": f"sha256:{'1' * 64}", "2": f"sha256:{'2' * 64}"}


class Web:
    """What an app on loopback answers, one after the other and the last for good; requests are kept."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = [(200, ANSWER)]
        self.asked: list[str] = []
        # In the range of node ports: the app's URL leads here.
        self.port = next(port for port in range(32767, 30000, -1) if _is_free(port))
        self.url = f"http://127.0.0.1:{self.port}"

    def answer(self, request: Request) -> tuple[int, bytes]:
        self.asked.append(f"{request.headers['Host']} {request.path}")
        status, body = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return status, body.encode()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


class Pulumi:
    """Stands for Pulumi's CLI with the stack opened: its state, its history, and what an `up` does."""

    def __init__(self, directory: Path) -> None:
        self.backend = Backend("file:///nowhere", directory)
        self.resources: list[dict[str, Any]] = []
        self.updates: list[dict[str, Any]] = []
        self.asked: list[dict[str, Any]] = []
        self.config: list[dict[str, Any]] = []
        self.fails: dict[int, str] = {}
        self.hangs: set[int] = set()
        self.stopped = threading.Event()

    def run(self, arguments: list[str], *_: Any) -> CommandResult:
        assert arguments[:3] == ["stack", "history", "--json"], arguments
        return CommandResult(json.dumps(self.updates), "", 0)

    def stop(self) -> None:
        self.stopped.set()

    def up(self, **arguments: Any) -> None:
        turn = len(self.asked)
        self.asked.append(arguments)
        document = yaml.safe_load(Path(arguments["config_file"]).read_text(encoding="utf-8"))
        self.config.append(document["config"]["slipway:apps"])
        if turn in self.hangs:
            assert self.stopped.wait(10), "nobody stopped what hangs"
            self.stopped.clear()
            self.fails.setdefault(turn, "error: update canceled")
        result = "failed" if turn in self.fails else "succeeded"
        self.record(str(arguments["message"]), result)
        if turn in self.fails:
            raise CommandError(CommandResult("", self.fails[turn], 255))

    def record(self, message: str, result: str = "succeeded") -> None:
        at = f"2026-11-21T10:{len(self.updates):02}:00.000Z"
        self.updates.insert(0, {"message": message, "result": result, "startTime": at, "endTime": at})

    @contextmanager
    def opened(self, *_: Any, **__: Any) -> Generator[Session]:
        exported = Deployment(3, {"resources": self.resources})
        command = cast("StoppableCommand", self)
        yield Session("dev", cast("Opened", self), command, self.backend, "slipway", exported)

    @property
    def tags(self) -> list[str]:
        """The tags that the app was given, in order."""
        return [apps["h2o-example"]["revision"] for apps in self.config]


class World:
    """A stack `dev` with h2o-example 1 on a cluster that stand-ins play."""

    def __init__(self, project: Path, web: Web, kubectl: FakeProgram, crane: FakeProgram) -> None:
        self.project, self.web, self.kubectl, self.crane = project, web, kubectl, crane
        self.pulumi = Pulumi(project)
        self._targets: dict[str, Target] = {}
        file = project / "Pulumi.dev.yaml"
        text = file.read_text(encoding="utf-8").replace("30080", str(web.port))
        file.write_text(
            text.replace("      context: test\n", f"      context: test\n      registry: 127.0.0.1:{web.port}\n"),
            encoding="utf-8",
        )
        kubectl.on("logs ", "what it said last\n")
        kubectl.on("get events", [])
        kubectl.on("port-forward", f"Forwarding from 127.0.0.1:{web.port} -> 80\n")
        crane.on("digest", err="Error: GET …: MANIFEST_UNKNOWN: manifest unknown", code=1)
        for tag, digest in DIGESTS.items():
            self.pushed(tag, digest)
        self.live("1")
        self.rolls("2")

    def pushed(self, tag: str, digest: str) -> None:
        self.crane.on(f"digest --insecure 127.0.0.1:{self.web.port}/h2o:{tag}$", f"{digest}\n")

    def target(self, tag: str) -> Target:
        if tag not in self._targets:
            self._targets[tag] = find(self.project, "dev", "h2o-example", SilentProgress()).target(tag)
        return self._targets[tag]

    def workload(self, tag: str, **status: Any) -> Manifest:
        (found,) = self.target(tag).workloads().values()
        done = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, **status}
        return {**found, "metadata": {**found["metadata"], "generation": 1}, "status": done}

    def live(self, tag: str, **spec: Any) -> None:
        """What runs, and what Pulumi's state says."""
        space: Manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "h2o", "labels": {"slipway.dev/stack": "dev"}},
        }
        self.kubectl.on("get namespaces h2o ", [space])
        self.kubectl.on("get deployments.apps,services -n h2o ", [self.workload(tag)])
        ((urn, manifest),) = self.target(tag).workloads().items()
        inputs = {**manifest, "spec": {**manifest["spec"], **spec}}
        self.pulumi.resources = [{"urn": urn, "type": "kubernetes:apps/v1:Deployment", "inputs": inputs}]

    def pod(self, tag: str, *, ready: bool = True, **status: Any) -> Manifest:
        template = copy.deepcopy(self.workload(tag)["spec"]["template"])
        digest = DIGESTS.get(tag, "")
        container = {"name": "h2o-example", "ready": ready, "restartCount": 0, "imageID": f"x@{digest}", **status}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {**template["metadata"], "name": f"h2o-{tag}", "namespace": "h2o"},
            "spec": template["spec"],
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": str(ready)}],
                "containerStatuses": [container],
            },
        }

    def rolls(self, tag: str, pod: Manifest | None = None) -> None:
        """What the watches tell once the tag was put."""
        self.watched(self.workload(tag))
        self.kubectl.on(
            "get --raw .*/pods", json.dumps({"type": "ADDED", "object": pod or self.pod(tag)}) + '\n{"type": "ADD'
        )

    def fails(self, pod: Manifest, **status: Any) -> None:
        """Watches that show the new tag with a pod in trouble, and the old one, ready, when it is back."""
        self.pulumi.hangs.add(0)
        self.kubectl.on("get --raw .*/pods", json.dumps({"type": "ADDED", "object": pod}) + "\n")
        self.watched(self.workload("2", **{"updatedReplicas": 1, "replicas": 3, **status}), self.workload("1"))

    def watched(self, *items: Manifest) -> None:
        lines = [json.dumps({"type": "MODIFIED", "object": item}) for item in items]
        self.kubectl.on("get --raw .*/deployments", "\n".join(lines) + "\n")

    def revision(self) -> str:
        return find(self.project, "dev", "h2o-example", SilentProgress()).tag

    def released(self, before: str, after: str, **more: Any) -> None:
        """A release of before, in Pulumi's history."""
        digest = more.pop("digest", f"sha256:{'8' * 64}")
        image = f"127.0.0.1:{self.web.port}/h2o:{after}"
        entry = Entry("", "h2o-example", "release", before, after, who="ada@here", digests={image: digest})
        self.pulumi.record(entry.message(), **more)


def history_of(slipway: Callable[..., Result], *arguments: str) -> list[dict[str, Any]]:
    return json.loads(slipway("history", *arguments, "--json").stdout)
