"""Releasing with Helm's engine: the app's workloads are applied at once; Helm's record follows when they are proven."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

import yaml

from ops import tools
from ops.child import Child
from ops.engines.differences import bare
from ops.engines.release import CLUSTER_LABEL, MANAGER, last_words, owned
from ops.errors import EngineError, RefusedError
from ops.kube import CommandError, Key
from ops.live import NAMESPACE, STACK_LABEL
from ops.releases.compare import unexpected
from ops.render.chart import write_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.engines.base import EngineName
    from ops.kube import Kubectl, Manifest
    from ops.releases.live import Live
    from ops.releases.rollout import Failure, Rollout
    from ops.releases.target import Target

_PENDING = "another operation"
"""How Helm says that a run was at it and never finished (action.errPending)."""
_UNFINISHED = "the last `slipway up` did not end well"


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
        self._kubectl, self._live = kubectl, live
        self._stack = target.stack.name
        release = live.release(target)
        if release is None:
            raise EngineError(f"{target.app} on cluster {target.cluster} belongs to no Helm release: slipway up first")
        self._release = release
        self._program = tools.find("helm", target.stack.progress)
        self._reading: Child | None = None

    def __enter__(self) -> Self:
        """Begin to read what is installed, which is needed when all is proven."""
        self._reading = self._helm(["get", "manifest", self._release])
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        if self._reading is not None:
            self._reading.stop()

    def _helm(self, arguments: Sequence[str]) -> Child:
        access = self._kubectl.access.flags("--kube-context")
        return Child([str(self._program), *arguments, "-n", NAMESPACE, *access, "--qps=200", "--burst-limit=400"])

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
        self._kubectl.apply([note, *(owned(item, self._release) for item in target.workloads())], manager=MANAGER)
        return rollout.wait(timeout)

    def keep(self, target: Target, text: str) -> None:
        """Write the app with its tag into Helm's records: what is installed, this app's workloads replaced.

        Args:
            target: The app with its new tag.
            text: What was done, for `helm history`.

        Raises:
            EngineError: Helm cannot do it.
        """
        reading, self._reading = self._reading, None
        if reading is None:
            raise EngineError("the installed release was not read")
        code, read = reading.wait()
        if code != 0:
            raise EngineError(f"helm get manifest {self._release} failed: {last_words(read)}")
        new = {Key.of(item): item for item in target.workloads()}
        installed = [item for item in yaml.load_all(read, Loader=_loader()) if item]
        if missing := new.keys() - {Key.of(item) for item in installed}:
            raise EngineError(f"release {self._release} has no {', '.join(map(str, missing))}: {_UNFINISHED}")
        with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
            chart = Path(temporary) / "chart"
            manifests = {target.cluster: {"installed": [new.get(Key.of(item), item) for item in installed]}}
            write_chart(replace(target.stack.rendered, manifests=manifests), target.cluster, chart)
            labels = f"{STACK_LABEL}={self._stack},{CLUSTER_LABEL}={self._kubectl.cluster}"
            upgrade = ["upgrade", self._release, str(chart), "--server-side=true", "--force-conflicts"]
            upgrade += [f"--labels={labels}", f"--description={text}"]
            code, said = self._run(upgrade)
            if code != 0 and _PENDING in said:
                # Left by a run that was killed: our locks say that nobody is at it any more.
                self._forget_pending()
                code, said = self._run(upgrade)
        if code != 0:
            raise EngineError(f"helm upgrade {self._release} failed: {last_words(said)}")

    def _run(self, arguments: Sequence[str]) -> tuple[int, str]:
        child = self._helm(arguments)
        try:
            return child.wait()
        finally:
            child.stop()

    def _forget_pending(self) -> None:
        states = ",".join(f"pending-{what}" for what in ("install", "upgrade", "rollback"))
        records = f"owner=helm,name={self._release},status in ({states})"
        self._kubectl.run(["delete", "secrets", "-n", NAMESPACE, "-l", records])


def _loader() -> type[yaml.SafeLoader]:
    # The parser in C, where PyYAML was built with it, reads a hundred manifests in a tenth of the time.
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)
