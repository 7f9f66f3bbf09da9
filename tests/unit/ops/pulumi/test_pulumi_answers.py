"""After a change that pods do not see, `up` asks the apps themselves."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from ops.kube import Key
from ops.pulumi import answers
from ops.releases import smoke
from tests.support.fake_pulumi import PREFIX, ends, step
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ops.stack import Stack
    from tests.support.fake_pulumi import FakePulumi
    from tests.support.web import Request
    from tests.unit.ops.conftest import Run

    Changed = Callable[..., None]

PORT = 30080
SERVICE = f"{PREFIX}kubernetes:core/v1:Service::h2o-mock-service"
DEPLOYMENT = f"{PREFIX}kubernetes:apps/v1:Deployment::h2o-mock-deployment"
RIGHT = b'{"succeeded": true}'


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "SETTLE_S", 0.3)
    for module in (answers, smoke):
        monkeypatch.setattr(module, "_PAUSE_S", 0.05)


@contextmanager
def app(monkeypatch: pytest.MonkeyPatch, *bodies: bytes) -> Generator[list[str]]:
    """The app at its address: its answers one after the other, the last one for good; yields the paths asked for."""
    asked: list[str] = []

    def answer(request: Request) -> tuple[int, bytes]:
        asked.append(request.path)
        return 200, bodies[min(len(asked), len(bodies)) - 1]

    real = smoke.ask

    def here(url: str, wanted: Any, host: str | None = None) -> str | None:
        assert url.startswith(f"http://127.0.0.1:{PORT}")
        return real(url.replace(str(PORT), str(port)), wanted, host)

    with serving(answer) as port:
        monkeypatch.setattr(smoke, "ask", here)
        yield asked


@pytest.fixture
def changed(there: FakePulumi, dev: Stack, provider: str) -> Changed:
    """The run changes objects of the app in place."""
    wanted = {item["kind"]: item for item in dev.manifests("local")}

    def change(*urns: str) -> None:
        items = [wanted[urn.split("::")[2].rsplit(":", 1)[-1]] for urn in urns]
        steps = (step("update", urn, i, i, provider=provider) for urn, i in zip(urns, items, strict=True))
        there.on("^up", *map(ends, steps))

    return change


def test_who_answers_wrongly_is_named(changed: Changed, slipway: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    changed(SERVICE)
    with app(monkeypatch, b"no database"):
        done = slipway("up")
    assert done.exit_code == 1
    assert f"app h2o-example at http://127.0.0.1:{PORT}" in done.output
    assert "answers without '\"succeeded\": true': no database" in done.output
    assert "stack dev is up" not in done.output


@pytest.mark.parametrize(
    ("bodies", "code"),
    [([*[RIGHT] * 6, b"no database"], 1), ([b"starting", *[RIGHT] * 6, b"one lost answer", RIGHT], 0)],
)
def test_what_turns_wrong_a_moment_later_is_noticed_and_one_wrong_answer_may_become_right(
    bodies: list[bytes], code: int, changed: Changed, slipway: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(SERVICE)
    with app(monkeypatch, *bodies):
        assert slipway("up").exit_code == code


def test_new_pods_are_asked_once_and_what_was_not_touched_is_not(
    changed: Changed, there: FakePulumi, slipway: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed(SERVICE, DEPLOYMENT)
    with app(monkeypatch, RIGHT) as asked:
        assert slipway("up").exit_code == 0
        assert len(asked) == smoke.REQUESTS
        there.on("^up")
        assert slipway("up").exit_code == 0
        assert len(asked) == smoke.REQUESTS


def test_a_new_namespace_has_shown_its_readiness(there: FakePulumi, dev: Stack, provider: str, slipway: Run) -> None:
    made = {Key.of(item).kind: item for item in dev.manifests("local")}
    there.on(
        "^up",
        *(
            ends(step("create", f"{PREFIX}kubernetes:core/v1:{kind}::x", None, made[kind], provider=provider))
            for kind in ("Namespace", "Service")
        ),
    )
    assert slipway("up").exit_code == 0
