"""Releasing with Helm's engine: the app's workloads are applied at once; Helm's record follows while they roll out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from ops.engines.differences import bare
from ops.engines.release import MANAGER, owned
from ops.errors import EngineError, RefusedError
from ops.kube import CommandError, Key
from ops.releases.compare import unexpected
from ops.releases.record import Record

if TYPE_CHECKING:
    from types import TracebackType

    from ops.engines.base import EngineName
    from ops.kube import Kubectl, Manifest
    from ops.releases.live import Live
    from ops.releases.rollout import Failure, Rollout
    from ops.releases.target import Target


class OnHelm:
    """One release of one app with Helm's engine; use as a context manager, under the stack's locks."""

    name: EngineName = "helm"

    def __init__(self, kubectl: Kubectl, live: Live, target: Target) -> None:
        """Bind to what is there.

        Args:
            kubectl: The cluster.
            live: What is on it.
            target: The app with its new tag.
        """
        self._kubectl, self._live, self._target = kubectl, live, target
        release = live.release(target)
        if release is None:
            raise EngineError(f"{target.app} on cluster {target.cluster} belongs to no Helm release: slipway up first")
        self._release = release
        self._began = False

    def __enter__(self) -> Self:
        """Begin to read what is installed."""
        self._record = Record(self._kubectl, self._release, self._target)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End."""
        self._record.stop()

    def compare(self, target: Target) -> list[str]:
        """What the release would change besides the tag, a line each; changes nothing.

        Raises:
            RefusedError: The API server does not take the change.
        """
        wanted = [owned(item, self._release) for item in target.workloads()]
        try:
            answers = self._kubectl.apply(wanted, manager=MANAGER, dry_run=True)
        except CommandError as error:
            raise RefusedError(f"{target.app}: the API server does not take the change:\n{error.text}") from None
        return [
            f"{Key.of(answer)}: {line}"
            for answer in answers
            for line in unexpected(bare(self._live.objects[Key.of(answer)]), bare(answer), target)
        ]

    def put(self, target: Target, rollout: Rollout, note: Manifest, timeout: float) -> Failure | None:
        """Change the app and wait until it is ready.

        Args:
            target: The app with the tag that it gets.
            rollout: Follows it.
            note: The history, which is written in the same call.
            timeout: Seconds to wait.

        Returns:
            Why it did not become ready, or None.

        Raises:
            OpsError: The cluster does not take it or does not answer.
        """
        # Going back: Helm has to be done with the tag that is gone back from, or it would put it in again. Where it
        # failed, the record has nothing to go back from.
        recorded = not self._began or self._record.end() is None
        self._kubectl.apply([note, *(owned(item, self._release) for item in target.workloads())], manager=MANAGER)
        if recorded:
            word = "back to" if self._began else "release"
            self._record.begin(target, f"{word} {target.app} {target.tag}")
        else:
            self._record.forget()
        self._began = True
        return rollout.wait(timeout)

    def keep(self) -> None:
        """Wait until Helm's record has what was put last.

        Raises:
            EngineError: Helm could not write it.
        """
        problem = self._record.end()
        if problem is not None:
            raise EngineError(problem)
