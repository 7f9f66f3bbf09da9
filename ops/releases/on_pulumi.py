"""Releasing with Pulumi's engine: an update whose targets are the app's workloads alone."""

from __future__ import annotations

import tempfile
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

import yaml
from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from ops.engines.session import CHANGING, open_stack, told
from ops.releases.compare import unexpected
from ops.releases.rollout import Failure

if TYPE_CHECKING:
    from collections.abc import Generator
    from types import TracebackType

    from pulumi.automation.events import EngineEvent

    from ops.engines.base import EngineName
    from ops.kube import Kubectl, Manifest
    from ops.releases.rollout import Rollout
    from ops.releases.target import Releasable, Target


class OnPulumi:
    """One release of one app with Pulumi's engine; use as a context manager, under the stack's locks."""

    name: EngineName = "pulumi"

    def __init__(self, cli: Path, kubectl: Kubectl, releasable: Releasable, target: Target) -> None:
        """Bind the CLI.

        Args:
            cli: Pulumi's CLI.
            kubectl: The cluster.
            releasable: The app.
            target: The app with its new tag.
        """
        self._cli, self._kubectl, self._releasable, self._target = cli, kubectl, releasable, target
        self._held = ExitStack()

    def __enter__(self) -> Self:
        """Open the stack in its backend."""
        self._session = self._held.enter_context(open_stack(self._cli, self._target.stack, create=False))
        self._session.settle()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        """End; what Pulumi said becomes an error for people."""
        return self._held.__exit__(kind, error, trace)

    @contextmanager
    def _config(self, target: Target) -> Generator[str]:
        """The stack's configuration with the tag, as a file of its own: the project's changes only when all is well."""
        file = self._session.place.directory / f"Pulumi.{target.stack.name}.yaml"
        document = cast("dict[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")) or {})
        document = with_value(document, self._releasable, target.value)
        with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
            changed = Path(temporary) / file.name
            changed.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
            yield str(changed)

    def compare(self, target: Target) -> list[str]:
        """What the release would change besides the tag, a line each; changes nothing."""
        steps = _Steps()
        with self._config(target) as file:
            self._session.stack.preview(
                target=target.urns(),
                config_file=file,
                refresh=True,
                on_event=steps,
                color="never",
                suppress_progress=True,
            )
        return steps.unexpected(target)

    def put(self, target: Target, rollout: Rollout, note: Manifest, timeout: float) -> Failure | None:
        """Change the app and wait until it is ready.

        Args:
            target: The app with the tag that it gets.
            rollout: Follows it.
            note: The history.
            timeout: Seconds to wait.

        Returns:
            Why it did not become ready, or None.

        Raises:
            OpsError: Pulumi or the cluster do not take it.
        """
        self._kubectl.apply([note], manager="slipway")
        found: list[Failure | None] = []
        ended = threading.Event()

        def follow() -> None:
            failure = rollout.wait(timeout, ended.is_set)
            found.append(failure)
            if failure is not None and not ended.is_set():
                self._session.command.stop()

        follower = threading.Thread(target=follow, daemon=True)
        follower.start()
        problem: str | None = None
        try:
            with self._config(target) as file:
                self._session.stack.up(target=target.urns(), config_file=file, refresh=True, color="never")
        except CommandError as error:
            if isinstance(error, ConcurrentUpdateError):
                ended.set()
                raise
            problem = told(error)
        except BaseException:
            ended.set()
            raise
        if problem is not None:
            ended.set()
        follower.join(timeout)
        failure = found[0] if found else None
        return failure or (Failure(problem) if problem is not None else None)

    def keep(self) -> None:
        """Pulumi's state has it already."""


def with_value(document: dict[str, Any], releasable: Releasable, value: str) -> dict[str, Any]:
    """A stack file in which an app has another tag, and nothing else is different.

    Args:
        document: Content of the file.
        releasable: The app.
        value: What the setting of its tag says.
    """
    config = cast("dict[str, Any]", document["config"])
    name = next(key for key in (f"{releasable.config.project}:apps", "apps") if key in config)
    app: dict[str, Any] = config[name].get(releasable.app) or {}
    apps = {**config[name], releasable.app: {**app, releasable.key: value}}
    return {**document, "config": {**config, name: apps}}


class _Steps:
    """The steps of a preview."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[str, str, Any, Any]] = {}

    def __call__(self, event: EngineEvent) -> None:
        if event.resource_pre_event is None:
            return
        step = event.resource_pre_event.metadata
        operation = str(step.op.value)
        state = step.new or step.old
        if operation in CHANGING and state is not None and state.custom:
            before, after = (dict(side.inputs or {}) if side else {} for side in (step.old, step.new))
            self._steps[step.urn] = (operation, step.urn, before, after)

    def unexpected(self, target: Target) -> list[str]:
        wanted = target.urns()
        lines: list[str] = []
        for operation, urn, before, after in self._steps.values():
            name = urn.rsplit("::", 1)[-1]
            if urn not in wanted or operation != "update":
                lines.append(f"{operation} {name}")
            else:
                lines += [f"{name}: {line}" for line in unexpected(before, after, target)]
        return lines
