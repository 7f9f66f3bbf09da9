"""A release against stand-ins for kubectl and helm, a registry and an app: what is asked, changed, told and kept."""

from __future__ import annotations

import copy
import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local.progress import SilentProgress
from ops.engines import lock
from ops.engines.release import owned
from ops.errors import OpsError, RefusedError
from ops.releases import history, registry, rollout, smoke
from ops.releases.history import Entry, History
from ops.releases.target import find
from ops.render.result import Smoke

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    from ops.kube import Kubectl, Manifest
    from ops.releases.target import Target
    from tests.support.programs import FakeProgram

RELEASE = "slipway-dev"
ANSWER = '{"succeeded": true}'
_DIGESTS = {"1": f"sha256:{'1' * 64}", "2": f"sha256:{'2' * 64}"}


class Web:
    """An app and a registry in one server on loopback; requests are kept."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = [(200, ANSWER)]
        self.digests = dict(_DIGESTS)
        self.asked: list[str] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                repository, _, tag = self.path.removeprefix("/v2/").partition("/manifests/")
                digest = web.digests.get(tag) if repository == "h2o" else None
                self.send_response(200 if digest else 404)
                if digest:
                    self.send_header("Docker-Content-Digest", digest)
                self.end_headers()

            def do_GET(self) -> None:
                web.asked.append(f"{self.headers['Host']} {self.path}")
                status, body = web.answers[0] if len(web.answers) == 1 else web.answers.pop(0)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_request(self, *_: Any, **__: Any) -> None:
                """Say nothing on standard error."""

        # In the range of node ports: the app's URL leads here.
        self.port = next(port for port in range(32767, 30000, -1) if _is_free(port))
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture
def web() -> Iterator[Web]:
    found = Web()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "_PAUSE_S", 0.01)
    monkeypatch.setattr(rollout, "PATIENCE_S", 0.3)
    monkeypatch.setattr(lock, "_PATIENCE_S", 0.3)
    monkeypatch.setenv("SLIPWAY_ENGINE", "helm")


class World:
    """A stack `dev` with h2o-example 1 on a cluster that stand-ins play."""

    def __init__(self, project: Path, web: Web, kubectl: FakeProgram, helm: FakeProgram) -> None:
        self.project, self.web, self.kubectl, self.helm = project, web, kubectl, helm
        file = project / "Pulumi.dev.yaml"
        text = file.read_text(encoding="utf-8").replace("30080", str(web.port))
        file.write_text(
            text.replace("      context: test\n", f"      context: test\n      registry: 127.0.0.1:{web.port}\n"),
            encoding="utf-8",
        )
        self.history = History()
        kubectl.on("get namespaces slipway", [lock.HOME])
        kubectl.on("create -f -|delete ")
        kubectl.on("apply ", "")
        kubectl.on("logs ", "what it said last\n")
        kubectl.on("get events", [])
        kubectl.on("port-forward", f"Forwarding from 127.0.0.1:{web.port} -> 80\n")
        helm.on("get manifest", yaml.safe_dump_all([self.workload("1"), {**lock.HOME, "metadata": {"name": "h2o"}}]))
        helm.on("upgrade", "done")
        self.live("1")
        self.answers("2")
        self.rolls("2")

    def target(self, tag: str) -> Target:
        return find(self.project, "dev", "h2o-example", SilentProgress()).target(tag)

    def workload(self, tag: str, **status: Any) -> Manifest:
        (found,) = self.target(tag).workloads()
        done = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2, **status}
        return {**found, "metadata": {**found["metadata"], "generation": 1}, "status": done}

    def live(self, tag: str, *, engine: str = "helm", **spec: Any) -> None:
        space: Manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": "h2o", "labels": {"slipway.dev/stack": "dev"}},
        }
        workload = self.workload(tag)
        workload["spec"] = {**workload["spec"], **spec}
        items = [space, workload]
        if engine == "helm":
            items = [owned(item, RELEASE) for item in items]
        self.kubectl.on("get namespaces,deployments", [*items, self.history.manifest("dev")])

    def answers(self, tag: str) -> None:
        """The API server's answer to the dry run."""
        self.kubectl.on("apply .*--dry-run=server", [owned(self.workload(tag), RELEASE)])

    def pod(self, tag: str, *, ready: bool = True, **status: Any) -> Manifest:
        template = copy.deepcopy(self.workload(tag)["spec"]["template"])
        digest = self.web.digests.get(tag, "")
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

    def rolls(self, tag: str, pod: Manifest | None = None, **status: Any) -> None:
        """What the watches tell once the tag was applied."""
        events = [{"type": "MODIFIED", "object": self.workload(tag, **status)}]
        self.kubectl.on("get --raw .*/deployments", "".join(json.dumps(event) + "\n" for event in events))
        self.kubectl.on(
            "get --raw .*/pods", json.dumps({"type": "ADDED", "object": pod or self.pod(tag)}) + '\n{"type": "ADD'
        )

    def applied(self) -> list[Manifest]:
        """What was applied for good, in order."""
        calls = [c for c in self.kubectl.calls if c.arguments[2:3] == ["apply"] or "apply" in c.arguments]
        return [
            item
            for c in calls
            if "--dry-run=server" not in c.arguments
            for item in json.loads(c.stdin or "{}")["items"]
        ]

    def images(self) -> list[str]:
        """The images that were put into the Deployment, in order."""
        made = [item for item in self.applied() if item["kind"] == "Deployment"]
        return [item["spec"]["template"]["spec"]["containers"][0]["image"].rpartition(":")[2] for item in made]

    def entries(self) -> list[Entry]:
        """The history as it was written last."""
        kept = [item for item in self.applied() if item["kind"] == "ConfigMap"]
        return list(history.parse(kept[-1:], "dev").entries)

    def revision(self) -> str:
        return find(self.project, "dev", "h2o-example", SilentProgress()).tag


@pytest.fixture
def world(project: Path, web: Web, fake_kubectl: FakeProgram, fake_helm: FakeProgram) -> World:
    return World(project, web, fake_kubectl, fake_helm)


def test_a_release_changes_proves_records_and_says_so(world: World, slipway: Callable[..., Result]) -> None:
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 0, done.output
    assert "h2o-example runs 2 (before: 1) on stack dev" in done.stdout
    assert "Pulumi.dev.yaml: apps.h2o-example.revision = 2" in done.stdout
    assert world.images() == ["2"]
    (entry,) = world.entries()
    assert (entry.before, entry.after, entry.result, entry.kind) == ("1", "2", "released", "release")
    assert entry.digests == {f"127.0.0.1:{world.web.port}/h2o:2": _DIGESTS["2"]}
    assert world.revision() == "2"
    assert "# raise it to roll out" in (world.project / "Pulumi.dev.yaml").read_text(encoding="utf-8")
    upgrade = next(call for call in world.helm.calls if "upgrade" in call.arguments)
    assert "--description=release h2o-example 2" in upgrade.arguments
    # The pod first, then the app's address, each several times.
    assert world.web.asked == [f"127.0.0.1:{world.web.port} /auth.json"] * smoke.REQUESTS * 2


def test_the_history_stands_before_the_change_and_its_end_after(world: World, slipway: Callable[..., Result]) -> None:
    assert slipway("release", "h2o-example", "--image-tag", "2").exit_code == 0
    kinds = [(item["kind"], history.parse([item], "dev").entries[-1:]) for item in world.applied()]
    assert [kind for kind, _ in kinds] == ["ConfigMap", "Deployment", "ConfigMap"]
    assert [entry.result for _, entries in kinds for entry in entries] == ["unfinished", "released"]


def test_json_is_the_only_output(world: World, slipway: Callable[..., Result]) -> None:
    done = slipway("release", "h2o-example", "--image-tag", "2", "--json")
    told = json.loads(done.stdout)
    assert (told["app"], told["from"], told["to"], told["result"], told["changed"]) == (
        "h2o-example",
        "1",
        "2",
        "released",
        True,
    )
    assert done.stderr == ""
    assert world.revision() == "2"


def test_a_tag_that_the_registry_has_not_is_refused_before_anything(
    world: World, slipway: Callable[..., Result]
) -> None:
    done = slipway("release", "h2o-example", "--image-tag", "3")
    assert done.exit_code == 1
    assert f"the registry has no 127.0.0.1:{world.web.port}/h2o:3; nothing was changed" in done.stderr
    assert world.applied() == []
    assert world.revision() == "1"


def test_what_else_would_change_is_refused_and_listed(world: World, slipway: Callable[..., Result]) -> None:
    world.live("1", replicas=5)
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 1
    assert "Deployment h2o/h2o-example: spec.replicas: 5 → 2" in done.stderr
    assert "slipway up --stack dev" in done.stderr
    assert world.applied() == []


def test_a_stack_that_is_not_up_is_refused(world: World, slipway: Callable[..., Result]) -> None:
    world.kubectl.on("get namespaces,deployments", [])
    world.kubectl.on("get namespaces slipway", "")
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 1
    assert "is not on cluster local yet" in done.stderr
    assert "slipway up --stack dev" in done.stderr


def test_the_other_engines_stack_is_refused(world: World, slipway: Callable[..., Result]) -> None:
    world.live("1", engine="pulumi")
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 1
    assert "was made by Pulumi, and this run uses Helm" in done.stderr
    assert world.applied() == []


def rolled_back(world: World, done: Result, reason: str) -> Entry:
    assert done.exit_code == 1
    assert reason in done.stderr
    assert "rolled back to 1: what ran before runs again" in done.stderr
    assert world.images() == ["2", "1"]
    assert world.revision() == "1"
    # Helm's record follows what is put, there and back.
    described = [a for call in world.helm.calls for a in call.arguments if a.startswith("--description=")]
    assert described == ["--description=release h2o-example 2", "--description=back to h2o-example 1"]
    (entry,) = world.entries()
    assert (entry.before, entry.after, entry.result) == ("1", "2", "rolled back")
    return entry


def both(world: World, pod: Manifest) -> None:
    """Watches that show the new tag with a pod in trouble, and then the old one ready again."""
    events = [world.workload("2", updatedReplicas=1, replicas=3), world.workload("1")]
    lines = [json.dumps({"type": "MODIFIED", "object": item}) for item in events]
    world.kubectl.on("get --raw .*/deployments", "\n".join(lines) + "\n")
    world.kubectl.on("get --raw .*/pods", json.dumps({"type": "ADDED", "object": pod}) + "\n")


def test_a_wrong_answer_is_given_time_and_then_rolls_back(world: World, slipway: Callable[..., Result]) -> None:
    both(world, world.pod("2"))
    world.web.answers = [(500, "broken")]
    done = slipway("release", "h2o-example", "--image-tag", "2")
    entry = rolled_back(world, done, "GET /auth.json answers 500 instead of 200: broken")
    assert "smoke check" in entry.reason
    assert len(world.web.asked) == smoke.ROUNDS


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}, "no such image"),
        (
            {"restartCount": 2, "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}},
            "CrashLoopBackOff",
        ),
        ({"restartCount": 1, "state": {"running": {}}}, "its readiness probe does not pass"),
    ],
)
def test_a_pod_that_does_not_come_up_rolls_back(
    world: World, slipway: Callable[..., Result], status: dict[str, Any], told: str
) -> None:
    both(world, world.pod("2", ready=False, **status))
    done = slipway("release", "h2o-example", "--image-tag", "2")
    rolled_back(world, done, told)
    assert "h2o-example: release 2 failed after" in done.stderr


def test_pods_that_are_refused_roll_back(world: World, slipway: Callable[..., Result]) -> None:
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods=40"}
    world.rolls("2", world.pod("1"), updatedReplicas=0, conditions=[refused])
    lines = [
        json.dumps({"type": "MODIFIED", "object": item})
        for item in (world.workload("1"), world.workload("2", updatedReplicas=0, conditions=[refused]))
    ]
    world.kubectl.on("get --raw .*/deployments", "\n".join(lines) + "\n")
    done = slipway("release", "h2o-example", "--image-tag", "2", "--timeout", "5")
    assert done.exit_code == 1
    assert "no pod can be made: exceeded quota: pods=40" in done.stderr


def test_a_rollout_that_takes_too_long_rolls_back(world: World, slipway: Callable[..., Result]) -> None:
    both(world, world.pod("2", ready=False, state={"running": {}}))
    done = slipway("release", "h2o-example", "--image-tag", "2", "--timeout", "1", "--json")
    rolled_back(world, done, "not ready after 1 s")
    told = json.loads(done.stdout)
    assert (told["result"], told["from"], told["to"], told["changed"]) == ("rolled back", "1", "2", False)


def test_helm_that_cannot_keep_it_rolls_back(world: World, slipway: Callable[..., Result]) -> None:
    world.helm.on("upgrade", err="Error: the server is on fire", code=1)
    lines = [json.dumps({"type": "MODIFIED", "object": world.workload(tag)}) for tag in ("1", "2", "1", "2")]
    world.kubectl.on("get --raw .*/deployments", "\n".join(lines) + "\n")
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 1
    assert "the server is on fire" in done.stderr
    assert "rolled back to 1" in done.stderr
    assert world.images() == ["2", "1"]
    # What could not be written needs not be taken back.
    assert len([call for call in world.helm.calls if "upgrade" in call.arguments]) == 1
    assert world.revision() == "1"


def test_what_a_killed_helm_left_pending_is_cleared_away(world: World, slipway: Callable[..., Result]) -> None:
    busy = "Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress"
    world.helm.on("upgrade", err=busy, code=1)
    lines = [json.dumps({"type": "MODIFIED", "object": world.workload(tag)}) for tag in ("2", "1")]
    world.kubectl.on("get --raw .*/deployments", "\n".join(lines) + "\n")
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 1
    assert len([call for call in world.helm.calls if "upgrade" in call.arguments]) == 2
    (cleared,) = [call.line for call in world.kubectl.calls if "delete secrets" in call.line]
    assert "owner=helm,name=slipway-dev,status in (pending-install,pending-upgrade,pending-rollback)" in cleared


def test_a_pod_that_cannot_be_reached_is_told_and_the_address_decides(
    world: World, slipway: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.releases.flow._SETTLE_S", 0.01)
    world.kubectl.on("port-forward", err="error: forbidden", code=1)
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 0
    assert "cannot be reached by kubectl port-forward: error: forbidden" in done.stderr
    assert len(world.web.asked) == smoke.REQUESTS


def test_the_same_tag_again_is_nothing_to_do(world: World, slipway: Callable[..., Result]) -> None:
    world.kubectl.on("get pods -n h2o", [world.pod("1")])
    done = slipway("release", "h2o-example", "--image-tag", "1")
    assert done.exit_code == 0
    assert "h2o-example runs 1 on stack dev already, nothing to do" in done.stdout
    assert world.applied() == []
    assert world.helm.calls == []


def test_in_a_fresh_clone_nothing_to_do_still_sets_the_stack_file_right(
    world: World, slipway: Callable[..., Result]
) -> None:
    world.live("2")
    world.kubectl.on("get pods -n h2o", [world.pod("2")])
    done = slipway("release", "h2o-example", "--image-tag", "2", "--json")
    assert json.loads(done.stdout)["result"] == "nothing to do"
    assert world.revision() == "2"


def test_a_tag_whose_content_changed_is_refused(world: World, slipway: Callable[..., Result]) -> None:
    pod = world.pod("1")
    world.kubectl.on("get pods -n h2o", [pod])
    world.web.digests["1"] = f"sha256:{'9' * 64}"
    done = slipway("release", "h2o-example", "--image-tag", "1")
    assert done.exit_code == 1
    assert "the tag has changed in the registry" in done.stderr
    assert _DIGESTS["1"] in done.stderr


def test_a_tag_that_was_released_with_other_content_is_refused(world: World, slipway: Callable[..., Result]) -> None:
    image = f"127.0.0.1:{world.web.port}/h2o:2"
    old = Entry("then", "h2o-example", "release", "0", "2", "released", "ada", "helm", {image: f"sha256:{'8' * 64}"})
    world.history = History((old,))
    world.live("1")
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 1
    assert f"{image} has changed in the registry: it was sha256:888" in done.stderr
    assert world.applied() == []


def test_a_killed_release_is_finished_by_the_next(world: World, slipway: Callable[..., Result]) -> None:
    world.history = History((Entry("then", "h2o-example", "release", "1", "2", "unfinished", "ada", "helm", {}),))
    world.live("2")
    done = slipway("release", "h2o-example", "--image-tag", "2")
    assert done.exit_code == 0, done.stderr
    assert "runs 2 (before: 1)" in done.stdout
    assert [entry.result for entry in world.entries()] == ["unfinished", "released"]
    assert world.revision() == "2"


def test_rollback_goes_to_the_tag_before(world: World, slipway: Callable[..., Result]) -> None:
    world.history = History((Entry("then", "h2o-example", "release", "1", "2", "released", "ada", "helm", {}),))
    world.live("2")
    world.answers("1")
    world.rolls("1")
    done = slipway("rollback", "h2o-example")
    assert done.exit_code == 0, done.stderr
    assert "h2o-example runs 1 (before: 2)" in done.stdout
    assert world.images() == ["1"]
    assert (world.entries()[-1].kind, world.entries()[-1].after) == ("rollback", "1")


def test_rollback_without_a_history_is_refused(world: World, slipway: Callable[..., Result]) -> None:
    done = slipway("rollback", "h2o-example")
    assert done.exit_code == 1
    assert "knows no tag that ran before 1" in done.stderr
    assert "slipway rollback h2o-example --to TAG --stack dev" in done.stderr
    done = slipway("rollback", "h2o-example", "--to", "2")
    assert done.exit_code == 0, done.stderr
    assert world.images() == ["2"]


def test_history_shows_newest_first(world: World, slipway: Callable[..., Result]) -> None:
    entries = [
        Entry(f"2026-11-21T10:0{n}:00.000Z", app, "release", str(n), str(n + 1), "released", "ada", "helm", {})
        for n, app in enumerate(("h2o-example", "todo", "h2o-example"))
    ]
    world.kubectl.on("get configmaps slipway-releases-dev", [History(tuple(entries)).manifest("dev")])
    told = json.loads(slipway("history", "--json").stdout)
    assert [(entry["from"], entry["to"]) for entry in told] == [("2", "3"), ("1", "2"), ("0", "1")]
    lines = slipway("history", "h2o-example").stdout.splitlines()
    assert lines[0].split() == ["WHEN", "APP", "FROM", "TO", "RESULT", "ENGINE", "WHO"]
    assert len(lines) == 3
    world.kubectl.on("get configmaps slipway-releases-dev", "")
    assert "nothing was released yet" in slipway("history").stdout
    assert slipway("history", "nope").exit_code == 1


def test_a_second_release_is_refused_while_one_runs(
    world: World, slipway: Callable[..., Result], kubectl: Kubectl
) -> None:
    held = threading.Event()
    done = threading.Event()

    def hold() -> None:
        with lock.file_locks("dev", [kubectl], "up"):
            held.set()
            done.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(5)
    try:
        told = slipway("release", "h2o-example", "--image-tag", "2")
    finally:
        done.set()
        holder.join()
    assert told.exit_code == 1
    assert "stack dev is being worked on by" in told.stderr
    assert world.applied() == []


def test_a_registry_that_does_not_answer_is_told() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        with pytest.raises(OpsError, match="does not answer"):
            registry.digest(f"localhost:{port}/h2o:1", SilentProgress())


def test_every_missing_image_is_named(web: Web) -> None:
    images = [f"localhost:{web.port}/h2o:{tag}" for tag in ("1", "8", "9")]
    with pytest.raises(RefusedError) as caught:
        registry.require(images, SilentProgress())
    assert "h2o:8, " in str(caught.value)
    assert "--build" in str(caught.value)
    assert "h2o:1" not in str(caught.value).partition(";")[0]


def test_a_smoke_check_asks_for_the_host_and_wants_status_and_text(web: Web) -> None:
    web.answers = [(200, "fine")]
    assert smoke.check(web.url, Smoke("/x", 200, "fine"), "h2o.example.com") is None
    assert web.asked == ["h2o.example.com /x"] * smoke.REQUESTS
    assert smoke.ask(web.url, Smoke("/x", 204, "")) == "GET /x answers 200 instead of 204: fine"
    assert smoke.ask(web.url, Smoke("/x", 200, "else")) == "GET /x answers without 'else': fine"
    web.server.shutdown()
    web.server.server_close()
    assert "ConnectionRefusedError" in (smoke.ask(web.url, Smoke("/x", 200, "")) or "")


def test_one_wrong_answer_begins_a_new_round(web: Web) -> None:
    web.answers = [(200, "fine"), (200, "fine"), (503, "not yet"), (200, "fine")]
    assert smoke.check(web.url, Smoke("/", 200, "fine")) is None
    assert len(web.asked) == 3 + smoke.REQUESTS
