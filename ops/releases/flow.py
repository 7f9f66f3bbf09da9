"""A release from the first question to the proof, or to the way back."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ops import files
from ops.cluster.ownership import refuse_former
from ops.errors import EngineError, OpsError, RefusedError
from ops.pulumi import state
from ops.pulumi.kubeconfigs import kubectl_of
from ops.pulumi.lock import locked
from ops.pulumi.session import open_stack
from ops.releases import history, registry, smoke
from ops.releases.compare import unexpected
from ops.releases.history import Entry
from ops.releases.live import look, running_digests, runs
from ops.releases.rollout import Failure, Rollout
from ops.releases.tags import tag_in
from ops.releases.update import put
from ops.urls import objects_by_resource, resolve

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.kube import Key, Manifest
    from ops.pulumi.cli import Cli
    from ops.pulumi.session import Session
    from ops.releases.history import History, Kind
    from ops.releases.target import Releasable, Target

_BACK_TIMEOUT_S = 300.0
_SETTLE_S = 2.0
"""What a node's rules for Services need at most to follow a change; waited only where no pod could be asked itself."""


@dataclass(frozen=True)
class Done:
    """What came of it; `file` is the name of the stack file, where the tag was written into it; `failed` says, for
    people, why it was not proven and what became of the way back."""

    entry: Entry
    changed: bool
    file: str | None = None
    failed: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The entry as the history has it, and what else there is to tell."""
        result = self.entry.result if self.changed or self.failed else "nothing to do"
        return {**self.entry.as_dict(), "result": result, "changed": self.changed, "file": self.file}


class Release:
    """Of an app by a tag; a rollback without tag goes to the one before."""

    def __init__(self, app: Releasable, cli: Cli, kind: Kind, tag: str | None, timeout: float) -> None:
        self._app, self._cli, self._tag, self._timeout = app, cli, tag, timeout
        self._kind: Kind = kind
        self._stack, self._progress = app.config.stack, app.progress
        self._started = time.monotonic()

    def run(self, *, build: bool = False) -> Done:
        """Release, prove, and go back if it cannot be proven. At a RefusedError nothing was changed."""
        # The program with the tag; going back to the one before, which the history knows, with the present one first.
        target = self._app.target(self._tag or self._app.tag)
        if build:
            # Before the lock: a build may take minutes, and touches no cluster.
            with self._progress.step(f"build {', '.join(target.images)}"):
                registry.build(target, self._progress)
        self._kubectl = kubectl_of(target.stack, [target.cluster])[target.cluster]
        with locked(self._app.directory, self._stack, self._kind), ThreadPoolExecutor(max_workers=2) as aside:
            # The cluster and the registry answer while Pulumi reads its state.
            looking = aside.submit(look, self._kubectl, target)
            asking = aside.submit(registry.require, target.images, self._progress) if self._tag else None
            with open_stack(self._cli, target.stack, create=False) as session:
                known, live = history.read(session), looking.result()
                there = {str(entry["urn"]): entry for entry in state.resources(session.deployment())}
                running = self._running(there, target, live)
                if self._tag is None:
                    target = self._app.target(self._previous(known, running))
                digests = asking.result() if asking else registry.require(target.images, self._progress)
                there_already = runs(target, live)
                self._refuse_moved(target, known, digests, runs=there_already)
                before = known.proven(target.app, running) or ""
                entry = Entry(
                    history.now(), target.app, self._kind, before, target.tag, who=history.who(), digests=digests
                )
                if there_already and target.tag == running == before:
                    return self._done(target, entry, changed=False)
                self._refuse_more(there, target)
                session.settle()
                self._progress.note(f"{target.app}: {before or 'nothing'} → {target.tag} on cluster {target.cluster}")
                failure = self._try(session, target, live, entry)
                return self._go_back(session, entry, failure) if failure else self._done(target, entry, changed=True)

    def _running(self, there: Mapping[str, Any], target: Target, live: Mapping[Key, Manifest]) -> str | None:
        """The tag that Pulumi's state says: that of the app's first workload, the others have the same. Raises
        RefusedError where the app is not there yet."""
        missing = [urn.rsplit("::", 1)[-1] for urn in target.workloads() if urn not in there]
        if missing:
            refuse_former(self._stack, target.cluster, live.values())
            raise RefusedError(
                f"{target.app} is not on cluster {target.cluster} yet (Pulumi's state of stack {self._stack} has no "
                f"{', '.join(missing)}): slipway up --stack {self._stack}"
            )
        return tag_in(there[next(iter(target.workloads()))])

    def _previous(self, known: History, running: str | None) -> str:
        tag = known.previous(self._app.app, running)
        if tag is None:
            raise RefusedError(
                f"{self._app.app}: the history of stack {self._stack} knows no tag that ran before {running}; name "
                f"one: slipway rollback {self._app.app} --to TAG --stack {self._stack}"
            )
        return tag

    def _refuse_moved(self, target: Target, known: History, digests: dict[str, str], *, runs: bool) -> None:
        """Refuse a tag that was released, or runs, and stands for something else now."""
        then = {image: {digest} for image, digest in known.digests(target.app, target.tag).items()}
        if runs and not then:
            then = running_digests(self._kubectl, target)
        for image, digest in digests.items():
            if digest not in then.get(image, {digest}):
                was = ", ".join(sorted(then[image]))
                raise RefusedError(
                    f"{image} has changed in the registry: it was {was} when it was released, and is {digest} now. "
                    "Nodes keep what they have under a tag, so nobody could tell what would run: push the new image "
                    "under a tag of its own"
                )

    def _refuse_more(self, there: Mapping[str, Any], target: Target) -> None:
        """Refuse where the program would change more of the app than its tag."""
        others = [
            f"  {state.name_of(there[urn])}: {line}"
            for urn, manifest in target.workloads().items()
            for line in unexpected(there[urn]["inputs"], manifest, target)
        ]
        if others:
            raise RefusedError(
                f"{target.app}: the program would change more of it than its tag; nothing was changed:\n"
                + "\n".join(others)
                + f"\nlook at it with slipway preview --stack {self._stack}, then slipway up --stack {self._stack}, "
                "and release after that"
            )

    def _try(self, session: Session, target: Target, live: Mapping[Key, Manifest], entry: Entry) -> Failure | None:
        rollout = Rollout(self._kubectl, target, smoke_check=True)
        try:
            failure = put(session, self._app, rollout, entry.message(), self._timeout)
            if failure is None and rollout.unreachable:
                self._progress.note(f"{rollout.unreachable[0]}; asking its address alone")
                time.sleep(_SETTLE_S)
            return failure or _wrong_answer(target, live)
        except OpsError as error:
            return Failure(str(error))

    def _go_back(self, session: Session, entry: Entry, failure: Failure) -> Done:
        """Put the tag before back, wait for it, and say what happened."""
        text = f"{entry.app}: {entry.kind} {entry.after} failed after {self._seconds():.0f} s: {failure}"
        self._progress.note(f"{text}\nrolling back to {entry.before}" if entry.before else text)
        problem = self._back(session, entry, failure) if entry.before else "no tag is known that ran before"
        end = (
            f"going back to {entry.before} failed too: {problem}\nput it right with slipway up --stack {self._stack}"
            if problem
            else f"rolled back to {entry.before}: what ran before runs again"
        )
        result = "failed" if problem else "rolled back"
        ended = replace(entry, result=result, seconds=self._seconds(), reason=failure.summary)
        return Done(ended, changed=False, failed=f"{text}\n{end}")

    def _back(self, session: Session, entry: Entry, failure: Failure) -> str | None:
        try:
            rollout = Rollout(self._kubectl, self._app.target(entry.before), smoke_check=False)
            with self._progress.step(f"roll back to {entry.before}"):
                problem = put(session, self._app, rollout, entry.back_message(failure.summary), _BACK_TIMEOUT_S)
        except OpsError as error:
            return str(error)
        return str(problem) if problem else None

    def _done(self, target: Target, entry: Entry, *, changed: bool) -> Done:
        """What came of it; the tag is written into the stack file, where that says another one."""
        file = self._app.file
        try:
            text = self._app.text_with(target.value)
            old = text == file.read_text(encoding="utf-8")
            if not old:
                files.replace(file, text)
        except OpsError as error:
            raise EngineError(
                f"{target.app} runs {target.tag}, but the stack file does not say so: {error}; until {self._app.path} "
                f"is {target.value!r} there, slipway up --stack {self._stack} goes back"
            ) from None
        return Done(replace(entry, result="released", seconds=self._seconds()), changed, None if old else file.name)

    def _seconds(self) -> float:
        return round(time.monotonic() - self._started, 1)


def _wrong_answer(target: Target, live: Mapping[Key, Manifest]) -> Failure | None:
    """Ask the app's addresses; what has none is proven by its pod."""
    resources = objects_by_resource(target.stack.rendered.plan)
    for part in target.parts:
        url = resolve(part.url, resources, live) if part.url and part.smoke else None
        problem = smoke.check(url, part.smoke, part.ingress_host) if url and part.smoke else None
        if url and problem:
            return Failure(f"smoke check of {part.name}: {url.rstrip('/')}: {problem}")
    return None
