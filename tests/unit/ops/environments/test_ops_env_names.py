"""Environments: what they may be called, how long they may live, whose they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from components.names import NAME_LIMIT
from components.scope import Scope
from ops.environments import names
from ops.errors import OpsError, RefusedError

SYSTEMS = ("node-exporter", "example-app", "monitoring", "http-debug")


@pytest.mark.parametrize("name", ["a", "pr-17", "7", "lesson-2-b", "x" * 20])
def test_a_label_of_at_most_20_characters_is_a_name(name: str) -> None:
    names.check_name(name)
    scope = Scope(project="slipway", stack=name, owner="ada", lifecycle="ephemeral", namespace_prefix=name)
    spaces = [scope.namespace(system) for system in SYSTEMS]
    assert all(len(space) <= NAME_LIMIT for space in spaces)
    assert spaces == [f"{name}-{system}" for system in SYSTEMS]


@pytest.mark.parametrize("name", ["", "PR-17", "-a", "a-", "a.b", "a_b", "ä", "a b", "x" * 21, "a\n", "../dev"])
def test_anything_else_is_refused_with_what_would_be_right(name: str) -> None:
    with pytest.raises(RefusedError, match="at most 20 characters, such as pr-17"):
        names.check_name(name)


@pytest.mark.parametrize("name", ["kube", "kube-system", "kube-7"])
def test_namespaces_of_kubernetes_itself_are_out_of_reach(name: str) -> None:
    with pytest.raises(RefusedError, match="Kubernetes' own"):
        names.check_name(name)


@pytest.mark.parametrize(
    ("text", "minutes"), [("1m", 1), ("30m", 30), ("8h", 480), ("3d", 4320), ("30d", 43200), (" 2h ", 120)]
)
def test_a_time_to_live_is_minutes_hours_or_days(text: str, minutes: int) -> None:
    assert names.time_to_live(text) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    "text", ["", "0m", "-1h", "8", "8 h", "1.5h", "31d", "721h", "1w", "8h30m", "1e3m", "9999999d"]
)
def test_any_other_time_to_live_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="from 1m to 30d"):
        names.time_to_live(text)


@pytest.mark.parametrize(
    ("given", "label"),
    [("ada", "ada"), ("Ada-Lovelace", "ada-lovelace"), ("dependabot[bot]", "dependabot-bot"), ("x" * 60, "x" * 40)],
)
def test_who_started_the_workflow_is_the_owner(given: str, label: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", given)
    assert names.owner(None) == label


def test_outside_of_workflows_the_user_is_the_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_ACTOR", raising=False)
    monkeypatch.setattr("getpass.getuser", lambda: "Grace.Hopper")
    assert names.owner(None) == "grace-hopper"
    assert names.owner("team-3") == "team-3"


@pytest.mark.parametrize("given", ["Ada", "", "a b", "x" * 41, "-a"])
def test_an_owner_that_is_asked_for_has_to_be_a_label(given: str) -> None:
    with pytest.raises(RefusedError, match="--owner"):
        names.owner(given)


def test_a_name_without_any_letter_is_no_owner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTOR", "[ ]")
    with pytest.raises(RefusedError, match="--owner"):
        names.owner(None)


def test_a_moment_is_written_as_kubernetes_writes_it_and_read_again() -> None:
    moment = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
    assert names.written(moment) == "2026-03-01T12:00:05Z"
    assert names.read_moment(names.written(moment)) == moment
    with pytest.raises(OpsError, match="no moment"):
        names.read_moment("tomorrow")


# The last two: a moment after it began, a time is still told as what it is.
SPANS = {5: "5s", 65: "1m", 7500: "2h 5m", 273600: "3d 4h", -120: "2m", 0: "0s", 7199: "2h 0m", 259198: "3d 0h"}


@pytest.mark.parametrize(("seconds", "text"), SPANS.items())
def test_a_span_names_its_largest_units(seconds: int, text: str) -> None:
    assert names.span(timedelta(seconds=seconds)) == text
