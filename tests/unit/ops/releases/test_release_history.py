"""What the history of releases knows, as Pulumi's updates tell it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ops.releases import history
from ops.releases.history import Entry, History

if TYPE_CHECKING:
    from ops.releases.history import Kind
    from ops.releases.history import Result as Outcome


def entry(at: int, before: str, after: str, result: Outcome = "released", kind: Kind = "release", **more: Any) -> Entry:
    values: dict[str, Any] = {"app": "h2o-example", "who": "ada@here", **more}
    return Entry(f"2026-11-21T10:00:{at:02}.000Z", before=before, after=after, result=result, kind=kind, **values)


def known(*entries: Entry) -> History:
    return History(entries)


def update(at: int, message: str, result: str = "succeeded") -> dict[str, Any]:
    """An update as `pulumi stack history --json` prints it."""
    ended = {} if result == "in-progress" else {"endTime": f"2026-11-21T10:00:{at + 5:02}.000Z"}
    return {"message": message, "result": result, "startTime": f"2026-11-21T10:00:{at:02}.000Z", **ended}


def test_going_back_twice_goes_back_two_releases() -> None:
    entries = [entry(1, "1", "a"), entry(2, "a", "b"), entry(3, "b", "c")]
    assert known(*entries).previous("h2o-example", "c") == "b"
    entries.append(entry(4, "c", "b", kind="rollback"))
    assert known(*entries).current("h2o-example") == entries[-1]
    assert known(*entries).previous("h2o-example", "b") == "a"
    entries.append(entry(5, "b", "a", kind="rollback"))
    assert known(*entries).previous("h2o-example", "a") == "1"
    entries.append(entry(6, "a", "1", kind="rollback"))
    assert known(*entries).previous("h2o-example", "1") is None


def test_what_failed_is_nothing_to_go_back_to() -> None:
    found = known(entry(1, "1", "a"), entry(2, "a", "bad", "rolled back"), entry(3, "a", "worse", "failed"))
    assert found.previous("h2o-example", "a") == "1"
    assert found.current("h2o-example") == found.entries[0]
    assert known(entry(2, "1", "bad", "rolled back")).previous("h2o-example", "1") is None
    assert known().previous("h2o-example", "1") is None


def test_after_a_revision_by_hand_the_last_release_is_before_it() -> None:
    assert known(entry(1, "1", "a"), entry(2, "a", "b")).previous("h2o-example", "by-hand") == "b"


def test_other_apps_do_not_count() -> None:
    found = known(entry(1, "1", "a", app="todo"))
    assert found.previous("h2o-example", "a") is None
    assert found.proven("h2o-example", "a") == "a"


@pytest.mark.parametrize("result", ["unfinished", "failed"])
def test_what_came_to_no_good_end_is_no_place_to_go_back_to(result: Outcome) -> None:
    entries = [entry(1, "1", "a"), entry(2, "a", "b", result)]
    assert known(*entries).proven("h2o-example", "b") == "a"
    # Somebody put the old one back by `up`, or something else.
    assert known(*entries).proven("h2o-example", "a") == "a"
    assert known(*entries).proven("h2o-example", "c") == "c"
    assert known(*entries, entry(3, "a", "b")).proven("h2o-example", "b") == "b"
    assert known().proven("h2o-example", "1") == "1"


@pytest.mark.parametrize("who", ["ada@here", "ada (https://github.com/example/slipway/actions/runs/7)", "Ada Lovelace"])
@pytest.mark.parametrize("before", ["1", ""])
@pytest.mark.parametrize("images", [1, 2])
def test_what_a_message_says_is_read_again(who: str, before: str, images: int) -> None:
    digests = {f"localhost:5000/{name}:a": f"sha256:{name[0] * 64}" for name in ("auth", "backend")[:images]}
    written = entry(1, before, "a", who=who, digests=digests)
    assert "\n" not in written.message()
    (read,) = history.parsed([update(1, written.message())]).entries
    assert read == replace(written, seconds=5.0)


def test_a_message_is_for_people() -> None:
    digest = f"sha256:{'1' * 64}"
    written = entry(1, "1", "2f9a0c1", digests={"localhost:5000/h2o:2f9a0c1": digest})
    assert written.message() == (f"release h2o-example: 1 → 2f9a0c1 by ada@here (localhost:5000/h2o:2f9a0c1@{digest})")
    assert written.back_message("pod h2o/x:\n  does not start") == (
        "roll back h2o-example: 2f9a0c1 → 1 by ada@here: pod h2o/x: does not start"
    )


def test_what_came_of_a_release_is_told_by_its_update_and_the_one_after() -> None:
    good, bad, worse = entry(1, "1", "a"), entry(10, "a", "b"), entry(30, "a", "c", kind="rollback")
    updates = [
        update(0, "", "succeeded"),
        update(1, good.message()),
        update(10, bad.message(), "succeeded"),
        update(20, bad.back_message("x" * 1000)),
        update(30, worse.message(), "failed"),
        update(40, worse.back_message("why: so"), "failed"),
        update(50, good.message(), "in-progress"),
        update(51, "by hand"),
    ]
    found = history.parsed(reversed(updates)).entries
    assert [(e.after, e.kind, e.result) for e in found] == [
        ("a", "release", "released"),
        ("b", "release", "rolled back"),
        ("c", "rollback", "failed"),
        ("a", "release", "unfinished"),
    ]
    # Both updates count, and a reason has its bounds.
    assert [(e.seconds, len(e.reason)) for e in found] == [(5.0, 0), (15.0, 300), (15.0, 7), (0.0, 0)]
    assert found[1].as_dict()["from"] == "a"


def test_a_pipeline_is_named_by_whoever_started_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_ACTOR", "GITLAB_USER_LOGIN"):
        monkeypatch.delenv(name, raising=False)
    assert "@" in history.who()
    monkeypatch.setenv("GITHUB_ACTOR", "ada")
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.setenv("GITHUB_REPOSITORY", "example/slipway")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    assert history.who() == "ada (https://github.com/example/slipway/actions/runs/7)"
