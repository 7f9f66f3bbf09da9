"""The history of releases, kept with the stack: a ConfigMap on the app's cluster, removed by `down` with the rest."""

from __future__ import annotations

import getpass
import json
import os
import socket
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, cast

from ops.kube import section
from ops.live import NAMESPACE, STACK_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ops.engines.base import EngineName
    from ops.kube import Kubectl, Manifest

Kind = Literal["release", "rollback"]
Result = Literal["unfinished", "released", "rolled back", "failed"]

LIMIT = 100
"""Entries that are kept; older ones go."""
_DATA = "releases"
_MARK = {"app.kubernetes.io/managed-by": "slipway"}
_REASON_LENGTH = 300


@dataclass(frozen=True)
class Entry:
    """One release.

    Attributes:
        at: When it began, UTC, ISO 8601.
        app: The app.
        kind: Whether somebody released, or went back.
        before: The tag that ran before; empty if that was no image of ours.
        after: The tag that was wanted.
        result: What came of it: `unfinished` while it runs (and for ever, if it was killed), `released`, `rolled back`
            (the tag before runs again) or `failed` (going back failed as well).
        who: Who did it.
        engine: The engine.
        digests: Image reference to the digest that was released.
        seconds: How long it took; 0 while unfinished.
        reason: Why it was rolled back; empty otherwise.
    """

    at: str
    app: str
    kind: Kind
    before: str
    after: str
    result: Result
    who: str
    engine: EngineName
    digests: dict[str, str]
    seconds: float = 0.0
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The entry in `slipway history --json`."""
        values = asdict(self)
        return {"from" if key == "before" else "to" if key == "after" else key: value for key, value in values.items()}

    def ended(self, result: Result, seconds: float, reason: str = "") -> Entry:
        """The same entry with its end."""
        return replace(self, result=result, seconds=round(seconds, 1), reason=reason[:_REASON_LENGTH])


def _entry(values: dict[str, Any]) -> Entry:
    renamed = {"before" if k == "from" else "after" if k == "to" else k: v for k, v in values.items()}
    known = {field.name for field in fields(Entry)}
    # A later version may write more.
    return Entry(**{key: value for key, value in renamed.items() if key in known})


@dataclass(frozen=True)
class History:
    """The releases of a stack on one cluster, oldest first."""

    entries: tuple[Entry, ...] = ()

    def of(self, app: str) -> list[Entry]:
        """Those of one app, oldest first."""
        return [entry for entry in self.entries if entry.app == app]

    def with_entry(self, entry: Entry) -> History:
        """With one more, or with the same one (app and beginning) anew; at most `LIMIT`."""
        others = [old for old in self.entries if (old.app, old.at) != (entry.app, entry.at)]
        return History((*others, entry)[-LIMIT:])

    def proven(self, app: str, running: str | None) -> str | None:
        """The tag to go back to when a release fails.

        Args:
            app: The app.
            running: The tag that runs now.

        Returns:
            That tag, unless it was put there by a release that never ended: then the one before it.
        """
        tag = running
        for entry in reversed(self.of(app)):
            if entry.result in ("released", "rolled back") or entry.after != tag:
                break
            tag = entry.before or None
        return tag

    def previous(self, app: str, running: str | None) -> str | None:
        """The tag that ran before the one that runs now.

        Going back twice goes back two releases: what was gone back from is not where to go.

        Args:
            app: The app.
            running: The tag that runs now.

        Returns:
            The tag, or None where the history knows none.
        """
        good = [entry for entry in self.of(app) if entry.result == "released"]
        for entry in reversed(good):
            if entry.kind == "release" and entry.after == running and entry.before not in ("", running):
                return entry.before
        # What runs was not released (somebody raised the revision by hand): the last release that differs.
        if any(entry.after == running for entry in good):
            return None
        return next((entry.after for entry in reversed(good) if entry.after != running), None)

    def current(self, app: str) -> str | None:
        """The tag that the last release or rollback of an app left running, or None."""
        good = [entry for entry in self.of(app) if entry.result == "released"]
        return good[-1].after if good else None

    def digests(self, app: str, tag: str) -> dict[str, str]:
        """What a tag stood for when it was released last; empty if it never was."""
        known = [e for e in self.of(app) if e.after == tag and e.result == "released"]
        return known[-1].digests if known else {}

    def manifest(self, stack: str) -> Manifest:
        """The ConfigMap that holds it: one JSON object a line."""
        lines = [json.dumps(entry.as_dict(), ensure_ascii=False) for entry in self.entries]
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name(stack), "namespace": NAMESPACE, "labels": {STACK_LABEL: stack, **_MARK}},
            "data": {_DATA: "\n".join(lines)},
        }


def name(stack: str) -> str:
    """Name of the ConfigMap with a stack's history."""
    return f"slipway-releases-{stack}".lower()


def parse(objects: Iterable[Manifest], stack: str) -> History:
    """The history among live objects; an empty one where there is none.

    Args:
        objects: Live objects of the stack.
        stack: Stack name.
    """
    for item in objects:
        metadata = item["metadata"]
        if (item["kind"], metadata.get("namespace"), metadata["name"]) == ("ConfigMap", NAMESPACE, name(stack)):
            lines = str(section(item, "data").get(_DATA, "")).splitlines()
            return History(tuple(_entry(cast("dict[str, Any]", json.loads(line))) for line in lines if line.strip()))
    return History()


def read(kubectl: Kubectl, stack: str) -> History:
    """The history of a stack on a cluster.

    Raises:
        UnreachableError: The cluster does not answer.
    """
    return parse(kubectl.get(["configmaps", name(stack), "-n", NAMESPACE]), stack)


def merged(histories: Sequence[History], app: str | None) -> list[Entry]:
    """The entries of several clusters, newest first, of one app or of all."""
    entries = [entry for history in histories for entry in history.entries if app in (None, entry.app)]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def now() -> str:
    """The time as entries have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


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
