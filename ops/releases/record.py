"""Helm's record of a release: what is installed, with one app's workloads replaced, written while they roll out."""

from __future__ import annotations

import tempfile
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ops import tools
from ops.child import Child
from ops.engines.release import CLUSTER_LABEL, last_words
from ops.errors import EngineError, OpsError
from ops.kube import Key
from ops.live import NAMESPACE, STACK_LABEL
from ops.render.chart import write_chart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ops.kube import Kubectl, Manifest
    from ops.releases.target import Target

_PENDING = "another operation"
"""How Helm says that a run was at it and never finished."""
# The parser in C, where PyYAML was built with it, reads a hundred manifests in a tenth of the time.
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Record:
    """The record of one Helm release. The stack's locks must be held."""

    def __init__(self, kubectl: Kubectl, release: str, target: Target) -> None:
        """Begin to read what is installed.

        Args:
            kubectl: The cluster.
            release: Name of the release.
            target: The app, for the way to the programs.
        """
        self._kubectl, self._release = kubectl, release
        self._program = tools.find("helm", target.stack.progress)
        self._reading: Child | None = self._helm(["get", "manifest", release])
        self._installed: list[Manifest] = []
        self._writing: threading.Thread | None = None
        self._child: Child | None = None
        self._problem: str | None = None

    def begin(self, target: Target, text: str) -> None:
        """Begin to write an app into the record; one at a time.

        Args:
            target: The app with the tag that it has now.
            text: What was done, for `helm history`.
        """
        self._problem = None
        # The thread lives as long as the child that it starts, which the kernel ends with it.
        self._writing = threading.Thread(target=self._work, args=(target, text), daemon=True)
        self._writing.start()

    def end(self) -> str | None:
        """Wait until it is written.

        Returns:
            Why it could not be, or None.
        """
        if self._writing is not None:
            self._writing.join()
        return self._problem

    def forget(self) -> None:
        """What could not be written does not matter any more."""
        self._problem = None

    def stop(self) -> None:
        """Give up what is under way."""
        for child in (self._reading, self._child):
            if child is not None:
                child.stop()
        self.end()

    def _helm(self, arguments: Sequence[str]) -> Child:
        access = self._kubectl.access.flags("--kube-context")
        return Child([str(self._program), *arguments, "-n", NAMESPACE, *access, "--qps=200", "--burst-limit=400"])

    def _work(self, target: Target, text: str) -> None:
        try:
            self._write(target, text)
        except (OpsError, OSError) as error:
            self._problem = str(error)

    def _read(self) -> list[Manifest]:
        reading, self._reading = self._reading, None
        if reading is not None:
            code, read = reading.wait()
            if code != 0:
                raise EngineError(f"helm get manifest {self._release} failed: {last_words(read)}")
            self._installed = [item for item in yaml.load_all(read, Loader=_LOADER) if item]
        return self._installed

    def _write(self, target: Target, text: str) -> None:
        installed = self._read()
        new = {Key.of(item): item for item in target.workloads()}
        if missing := new.keys() - {Key.of(item) for item in installed}:
            raise EngineError(
                f"release {self._release} has no {', '.join(map(str, missing))}: slipway up "
                f"--stack {target.stack.name} first"
            )
        with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
            chart = Path(temporary) / "chart"
            manifests = {target.cluster: {"installed": [new.get(Key.of(item), item) for item in installed]}}
            write_chart(replace(target.stack.rendered, manifests=manifests), target.cluster, chart)
            labels = f"{STACK_LABEL}={target.stack.name},{CLUSTER_LABEL}={self._kubectl.cluster}"
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
        self._child = self._helm(arguments)
        return self._child.wait()

    def _forget_pending(self) -> None:
        states = ",".join(f"pending-{what}" for what in ("install", "upgrade", "rollback"))
        records = f"owner=helm,name={self._release},status in ({states})"
        self._kubectl.run(["delete", "secrets", "-n", NAMESPACE, "-l", records])
