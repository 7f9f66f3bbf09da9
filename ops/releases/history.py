"""The releases of a stack, as Pulumi's history of its updates has them: an update's message says what was released."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from ops.kube import section
from ops.pulumi import state
from ops.releases.tags import tag_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ops.pulumi.session import Session

Kind = Literal["release", "rollback"]
Result = Literal["unfinished", "released", "rolled back", "failed"]

LIMIT = 100
"""Updates that are looked at, newest first; Pulumi's service gives no more at a time."""
_REASON_LENGTH = 300
_NOTHING = "-"
_BACK = "roll back"
_RESULTS: dict[str, Result] = {"succeeded": "released", "failed": "failed"}
_MESSAGE = re.compile(
    rf"(?P<kind>release|rollback|{_BACK}) (?P<app>\S+): (?P<before>\S+) → (?P<after>\S+) by (?P<rest>.*)"
)
_RELEASED = re.compile(r"(?P<who>.*) \((?P<images>\S+@sha256:[0-9a-f]+(?: \S+@sha256:[0-9a-f]+)*)\)")


@dataclass(frozen=True)
class Entry:
    """One release; `at` is when it began, UTC, ISO 8601. `before` is empty if that was no image of ours; `digests` are
    by image reference; `seconds` is how long Pulumi worked, the way back included. `unfinished`: it runs, or was killed
    and the backend knows of it; `rolled back`: the tag before runs again; `failed`: nothing went back."""

    at: str
    app: str
    kind: Kind
    before: str
    after: str
    result: Result = "unfinished"
    who: str = ""
    digests: dict[str, str] = field(default_factory=dict[str, str])
    seconds: float = 0.0
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The entry in `slipway history --json`."""
        values = asdict(self)
        return {"from" if key == "before" else "to" if key == "after" else key: value for key, value in values.items()}

    def message(self) -> str:
        """What Pulumi's history says about its update."""
        images = " ".join(f"{image}@{digest}" for image, digest in self.digests.items())
        return f"{self.kind} {self.app}: {self.before or _NOTHING} → {self.after} by {self.who} ({images})"

    def back_message(self, reason: str) -> str:
        """What Pulumi's history says about the update that puts the tag before back."""
        short = " ".join(reason.split())[:_REASON_LENGTH]
        return f"{_BACK} {self.app}: {self.after} → {self.before} by {self.who}: {short}"


@dataclass(frozen=True)
class History:
    """The releases of a stack, oldest first."""

    entries: tuple[Entry, ...] = ()

    def of(self, app: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.app == app]

    def _proven(self, app: str) -> list[Entry]:
        return [entry for entry in self.of(app) if entry.result == "released"]

    def proven(self, app: str, running: str | None) -> str | None:
        """The tag to go back to when a release fails: the running one, unless a release that came to no good end put it
        there: then the one before it."""
        tag = running
        for entry in reversed(self.of(app)):
            if entry.result in ("released", "rolled back") or entry.after != tag:
                break
            tag = entry.before or None
        return tag

    def previous(self, app: str, running: str | None) -> str | None:
        """The tag that ran before the one that runs now. Going back twice goes back two releases: what was gone back
        from is not where to go."""
        good = self._proven(app)
        for entry in reversed(good):
            if entry.kind == "release" and entry.after == running and entry.before not in ("", running):
                return entry.before
        # What runs was not released (somebody raised the revision by hand): the last release that differs.
        if any(entry.after == running for entry in good):
            return None
        return next((entry.after for entry in reversed(good) if entry.after != running), None)

    def current(self, app: str) -> Entry | None:
        """The last release or rollback of an app that went well, or None."""
        return next(reversed(self._proven(app)), None)

    def digests(self, app: str, tag: str) -> dict[str, str]:
        """What a tag stood for when it was released last; empty if it never was."""
        known = [entry for entry in self._proven(app) if entry.after == tag]
        return known[-1].digests if known else {}


def read(session: Session) -> History:
    """The releases of a stack; none where its backend does not know it. Raises CommandError of Pulumi's CLI."""
    if session.opened is None:
        return History()
    text = session.run("stack", "history", "--json", "--page-size", str(LIMIT), "--stack", session.name)
    found = parsed(cast("list[dict[str, Any]]", json.loads(text)))
    return History((*found.entries, *unfinished(session.deployment())))


def parsed(updates: Iterable[Mapping[str, Any]]) -> History:
    """The releases among a stack's updates: `pulumi stack history --json`, newest first."""
    found: list[Entry] = []
    for update in reversed(list(updates)):
        match = _MESSAGE.fullmatch(str(update.get("message", "")))
        if match is None:
            continue
        if match["kind"] == _BACK:
            _end(found, match, update)
        else:
            found.append(_entry(match, update))
    return History(tuple(found))


def unfinished(deployment: Mapping[str, Any]) -> list[Entry]:
    """Releases that began and did not end: file and bucket backends have them in the state alone."""
    standing = {str(entry["urn"]): entry for entry in state.resources(deployment)}
    at = str(section(dict(deployment), "manifest").get("time", ""))
    found: dict[str, Entry] = {}
    for operation in state.operations(deployment):
        wanted = operation["resource"]
        there = standing.get(wanted["urn"])
        before, after = (tag_in(side) if side else None for side in (there, wanted))
        if operation["type"] == "updating" and after and before != after:
            # What the program says of each workload: the app that it is a part of, or its own name.
            service = section(standing.get(str(wanted.get("parent")), {}), "outputs")
            app = str(service.get("partOf") or service.get("name") or wanted["urn"])
            found[app] = Entry(at=_utc(at) if at else "", app=app, kind="release", before=before or "", after=after)
    return list(found.values())


def _utc(time: str) -> str:
    return datetime.fromisoformat(time).astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _entry(match: re.Match[str], update: Mapping[str, Any]) -> Entry:
    released = _RELEASED.fullmatch(match["rest"])
    images = released["images"].split() if released else []
    return Entry(
        at=str(update["startTime"]),
        app=match["app"],
        kind="rollback" if match["kind"] == "rollback" else "release",
        before="" if match["before"] == _NOTHING else match["before"],
        after=match["after"],
        result=_RESULTS.get(str(update.get("result")), "unfinished"),
        who=released["who"] if released else match["rest"],
        digests=dict(image.split("@", 1) for image in images),
        seconds=_seconds(str(update["startTime"]), update),
    )


def _end(found: list[Entry], match: re.Match[str], update: Mapping[str, Any]) -> None:
    """Write the way back into the entry of the release that failed."""
    for index in reversed(range(len(found))):
        entry = found[index]
        if (entry.app, entry.after, entry.before) == (match["app"], match["before"], match["after"]):
            result: Result = "rolled back" if update.get("result") == "succeeded" else "failed"
            reason = match["rest"].partition(": ")[2]
            found[index] = replace(entry, result=result, reason=reason, seconds=_seconds(entry.at, update))
            return


def _seconds(began: str, update: Mapping[str, Any]) -> float:
    ended = update.get("endTime")
    return (datetime.fromisoformat(str(ended)) - datetime.fromisoformat(began)).total_seconds() if ended else 0.0


def now() -> str:
    """The time as entries have it."""
    return _utc(datetime.now(UTC).isoformat())


def who() -> str:
    """Who releases: in a pipeline whoever started it, with its address; else user and machine."""
    env = os.environ
    if actor := env.get("GITHUB_ACTOR"):
        run, where = env.get("GITHUB_RUN_ID"), env.get("GITHUB_REPOSITORY", "")
        return f"{actor} ({env.get('GITHUB_SERVER_URL', '')}/{where}/actions/runs/{run})" if run else actor
    if actor := env.get("GITLAB_USER_LOGIN"):
        return f"{actor} ({env['CI_JOB_URL']})" if env.get("CI_JOB_URL") else actor
    try:
        user = getpass.getuser()
    except (OSError, KeyError):
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
