"""A release from the first question to the last line of its history."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self

from ops.access import LOCAL_KINDS
from ops.engines.lock import file_locks, lease
from ops.engines.ownership import refuse_other
from ops.errors import EngineError, OpsError, RefusedError
from ops.releases import history, registry, smoke
from ops.releases.live import Live, look, require_there, running_digests
from ops.releases.rollout import Failure, Rollout
from ops.releases.tags import check_tag
from ops.stack import load

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from ops.engines.base import EngineName
    from ops.kube import Kubectl, Manifest
    from ops.releases.history import Entry, Kind
    from ops.releases.target import Releasable, Target

_MANAGER = "slipway"
_BACK_TIMEOUT_S = 300.0
_SETTLE_S = 2.0
"""What a node's rules for Services need at most to follow a change; waited only where no pod could be asked itself."""


class Hand(Protocol):
    """An engine's part of a release."""

    name: EngineName

    def __enter__(self) -> Self:
        """Begin."""
        ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End."""
        ...

    def compare(self, target: Target) -> list[str]:
        """What would change besides the tag; changes nothing."""
        ...

    def put(self, target: Target, rollout: Rollout, note: Manifest, timeout: float) -> Failure | None:
        """Write the history's note, change the app, and wait until it is ready or hopeless."""
        ...

    def keep(self) -> None:
        """Wait until the engine's state has what was put last."""
        ...


@dataclass(frozen=True)
class Wish:
    """What somebody wants.

    Attributes:
        tag: The tag to release.
        kind: Whether it is a release or somebody goes back.
        engine: The engine.
        cli: Pulumi's CLI, for its engine.
        timeout: Seconds that the rollout may take.
        build: Whether the image is built and pushed first.
    """

    tag: str
    kind: Kind
    engine: EngineName
    cli: Path | None
    timeout: float
    build: bool = False


@dataclass(frozen=True)
class Report:
    """What came of it.

    Attributes:
        app: The app.
        stack: The stack.
        engine: The engine.
        before: The tag that ran before.
        after: The tag that runs now.
        result: `released`, or `nothing to do`.
        digests: Image reference to digest.
        seconds: How long it took.
        written: Name of the stack file, where the tag was written into it.
    """

    app: str
    stack: str
    engine: EngineName
    before: str
    after: str
    result: Literal["released", "nothing to do"]
    digests: dict[str, str]
    seconds: float
    written: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The output of `slipway release --json`."""
        return {
            "app": self.app,
            "stack": self.stack,
            "engine": self.engine,
            "from": self.before,
            "to": self.after,
            "result": self.result,
            "changed": self.result == "released",
            "digests": self.digests,
            "seconds": round(self.seconds, 1),
            "file": self.written,
        }


class RolledBackError(EngineError):
    """A release that failed; `entry` is its line of the history."""

    def __init__(self, message: str, entry: Entry) -> None:
        """Keep the entry."""
        self.entry = entry
        super().__init__(message)


class Release:
    """One release of one app."""

    def __init__(self, releasable: Releasable, kubectl: Kubectl, wish: Wish) -> None:
        """Nothing happens yet.

        Args:
            releasable: The app.
            kubectl: Its cluster.
            wish: What is wanted.
        """
        self._app, self._kubectl, self._wish = releasable, kubectl, wish
        self._stack, self._progress = releasable.config.stack, releasable.progress
        self._started = time.monotonic()

    def run(self) -> Report:
        """Release, prove, and go back if it cannot be proven.

        Raises:
            RefusedError: It cannot be; nothing was changed.
            RolledBackError: It failed; the tag before runs again, or the message says why not.
            OpsError: Something else is wrong.
        """
        check_tag(self._wish.tag)
        if self._wish.build:
            # Before the locks: a build may take minutes, and touches no cluster.
            self._build(self._app.target(self._wish.tag))
        with ExitStack() as held, ThreadPoolExecutor(max_workers=1) as aside:
            held.enter_context(file_locks(self._stack, self._locked(), self._wish.kind))
            # The program runs while the cluster answers.
            looking = aside.submit(self._look, held)
            if os.environ.get("KUBECONFIG"):
                # The render hides the variable from the program for a moment: kubectl must have read it before.
                looking.result()
            target = self._app.target(self._wish.tag)
            live = looking.result()
            require_there(live, target)
            refuse_other(self._wish.engine, self._stack, target.cluster, live.namespaces())
            digests = registry.require(target.images, self._progress)
            self._refuse_moved(target, live, digests)
            if live.runs(target) and not self._is_unfinished(live):
                return self._nothing_to_do(target, digests)
            if self._wish.engine == "pulumi":
                # Only now: a refused release leaves no namespace behind. Helm's engine has it already.
                held.enter_context(lease(self._kubectl, self._stack, self._wish.kind, make_home=True))
            hand = held.enter_context(self._hand(target, live))
            return self._change(hand, target, live, digests)

    def _locked(self) -> list[Kubectl]:
        """The clusters whose locks an `up` of this stack takes, too."""
        if self._app.cluster_settings.kind in LOCAL_KINDS:
            return [self._kubectl]
        return list(load(self._stack, self._progress).reachable().values())

    def _look(self, held: ExitStack) -> Live:
        if self._wish.engine == "helm":
            held.enter_context(lease(self._kubectl, self._stack, self._wish.kind, make_home=False))
        return look(self._kubectl, self._stack)

    def _hand(self, target: Target, live: Live) -> Hand:
        if self._wish.engine == "pulumi" and self._wish.cli is not None:
            from ops.releases.on_pulumi import OnPulumi

            return OnPulumi(self._wish.cli, self._kubectl, self._app, target)
        from ops.releases.on_helm import OnHelm

        return OnHelm(self._kubectl, live, target)

    def _build(self, target: Target) -> None:
        from ops.releases.build import build

        with self._progress.step(f"build {', '.join(target.images)}"):
            build(target, self._progress)

    def _refuse_moved(self, target: Target, live: Live, digests: dict[str, str]) -> None:
        """A tag that was released and stands for something else now."""
        known = live.history.digests(target.app, target.tag)
        for image, digest in digests.items():
            if known.get(image, digest) != digest:
                raise RefusedError(
                    f"{image} has changed in the registry: it was {known[image]} when it was released, and is {digest} "
                    "now. Nodes keep what they have under a tag, so nobody could tell what would run: push the new "
                    "image under a tag of its own"
                )

    def _is_unfinished(self, live: Live) -> bool:
        mine = live.history.of(self._app.app)
        return bool(mine) and mine[-1].result == "unfinished"

    def _nothing_to_do(self, target: Target, digests: dict[str, str]) -> Report:
        for image, running in running_digests(self._kubectl, target).items():
            if digests[image] not in running:
                raise RefusedError(
                    f"{target.app} runs {image} already, but the tag has changed in the registry: {digests[image]} "
                    f"there, {', '.join(sorted(running))} in the pods. A tag is never released twice: push the new "
                    "image under a tag of its own"
                )
        written = self._write(target)
        return self._report(target, target.tag, "nothing to do", digests, written)

    def _change(self, hand: Hand, target: Target, live: Live, digests: dict[str, str]) -> Report:
        others = hand.compare(target)
        if others:
            listed = "\n".join(f"  {line}" for line in others)
            raise RefusedError(
                f"{target.app}: the program would change more of it than its tag; nothing was changed:\n{listed}\n"
                f"look at it with slipway preview --stack {self._stack}, then slipway up --stack {self._stack}, and "
                "release after that"
            )
        running = live.tag(target)
        before = live.history.proven(target.app, running) or ""
        entry = history.Entry(
            at=history.now(),
            app=target.app,
            kind=self._wish.kind,
            before=before,
            after=target.tag,
            result="unfinished",
            who=history.who(),
            engine=self._wish.engine,
            digests=digests,
        )
        record = live.history.with_entry(entry)
        self._progress.note(f"{target.app}: {before or running} → {target.tag} on cluster {target.cluster}")
        failure = self._try(hand, target, live, record.manifest(self._stack))
        if failure is not None:
            raise self._go_back(hand, entry, record, failure)
        ended = entry.ended("released", time.monotonic() - self._started)
        self._note(record.with_entry(ended).manifest(self._stack))
        written = self._write(target)
        return self._report(target, before, "released", digests, written)

    def _try(self, hand: Hand, target: Target, live: Live, note: Manifest) -> Failure | None:
        try:
            with Rollout(self._kubectl, target, smoke_check=True) as rollout:
                failure = hand.put(target, rollout, note, self._wish.timeout)
            if failure is not None:
                return failure
            if rollout.unreachable:
                self._progress.note(f"{rollout.unreachable[0]}; asking its address alone")
                time.sleep(_SETTLE_S)
            failure = self._smoke(target, live)
            if failure is None:
                hand.keep()
        except OpsError as error:
            return Failure(str(error))
        return failure

    def _smoke(self, target: Target, live: Live) -> Failure | None:
        from ops.urls import objects_by_resource, resolve

        resources = objects_by_resource(target.stack.rendered.plan)
        for part in target.parts:
            if part.smoke is None:
                continue
            url = resolve(part.url, resources, live.objects) if part.url else None
            if url:
                problem = smoke.check(url, part.smoke, part.ingress_host)
                problem = problem and f"{url.rstrip('/')}: {problem}"
            elif part.service and part.service_port:
                problem = smoke.check_service(
                    self._kubectl, part.namespace, part.service, part.service_port, part.smoke
                )
            else:
                continue
            if problem:
                return Failure(f"smoke check of {part.name}: {problem}")
        return None

    def _go_back(self, hand: Hand, entry: Entry, record: history.History, failure: Failure) -> RolledBackError:
        """Put the tag before back, wait for it, and say what happened."""
        seconds = time.monotonic() - self._started
        what = f"{entry.app}: {entry.kind} {entry.after} failed after {seconds:.0f} s: {failure.summary}"
        details = "\n".join(failure.lines)
        text = f"{what}\n{details}" if details else what
        self._progress.note(f"{text}\nrolling back to {entry.before}" if entry.before else text)
        problem = self._back(hand, entry, record) if entry.before else "no tag is known that ran before"
        result: Literal["failed", "rolled back"] = "failed" if problem else "rolled back"
        ended = entry.ended(result, time.monotonic() - self._started, failure.summary)
        try:
            self._note(record.with_entry(ended).manifest(self._stack))
        except OpsError as error:
            problem = problem or f"the history could not be written: {error}"
        end = (
            f"going back to {entry.before} failed too: {problem}\nput it right with slipway up --stack {self._stack}"
            if problem
            else f"rolled back to {entry.before}: what ran before runs again"
        )
        return RolledBackError(f"{text}\n{end}", ended)

    def _back(self, hand: Hand, entry: Entry, record: history.History) -> str | None:
        try:
            target = self._app.target(entry.before)
            with (
                self._progress.step(f"roll back to {entry.before}"),
                Rollout(self._kubectl, target, smoke_check=False) as rollout,
            ):
                failure = hand.put(target, rollout, record.manifest(self._stack), _BACK_TIMEOUT_S)
                if failure is None:
                    hand.keep()
        except OpsError as error:
            return str(error)
        return str(failure) if failure else None

    def _note(self, manifest: Manifest) -> None:
        self._kubectl.apply([manifest], manager=_MANAGER)

    def _write(self, target: Target) -> str | None:
        """Write the tag into the stack file, where it is another one."""
        from ops.environments.upkeep import remember
        from ops.settings_file import SettingsFile

        try:
            file = SettingsFile(self._app.directory, self._stack)
            file.set(self._app.path, target.value, quoted=True)
            changed = file.save()
            remember(self._app.directory, self._stack, self._kubectl)
        except OpsError as error:
            raise EngineError(
                f"{target.app} runs {target.tag}, but the stack file does not say so: {error}; until it does, "
                f"slipway up goes back: slipway config set {self._app.path} {target.value} --stack {self._stack}"
            ) from None
        return file.name if changed else None

    def _report(
        self,
        target: Target,
        before: str,
        result: Literal["released", "nothing to do"],
        digests: dict[str, str],
        written: str | None,
    ) -> Report:
        seconds = time.monotonic() - self._started
        return Report(target.app, self._stack, self._wish.engine, before, target.tag, result, digests, seconds, written)
