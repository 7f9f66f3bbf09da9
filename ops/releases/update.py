"""A targeted `pulumi up`: the app's workloads alone, followed on the cluster and ended early when it is hopeless."""

from __future__ import annotations

import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from ops.pulumi.events import EventLog
from ops.pulumi.session import told
from ops.releases.rollout import Failure

if TYPE_CHECKING:
    from collections.abc import Generator

    from ops.pulumi.session import Session
    from ops.releases.rollout import Rollout
    from ops.releases.target import Releasable, Target


def put(
    session: Session, app: Releasable, target: Target, rollout: Rollout, message: str, timeout: float
) -> Failure | None:
    """Change the app and wait until it is ready; what somebody changed of it by hand is brought back. Raises
    ConcurrentUpdateError where another run holds the stack's lock."""
    found: list[Failure | None] = []
    ended = threading.Event()

    def follow() -> None:
        failure = rollout.wait(timeout, ended.is_set)
        found.append(failure)
        if failure is not None and not ended.is_set():
            session.command.stop()

    follower = threading.Thread(target=follow, daemon=True)
    follower.start()
    events = EventLog()
    problem: str | None = None
    try:
        with _config(session, app, target) as file:
            session.stack.up(
                target=list(target.workloads()),
                config_file=file,
                refresh=True,
                message=message,
                on_event=events,
                color="never",
                show_secrets=False,
            )
    except CommandError as error:
        ended.set()
        if isinstance(error, ConcurrentUpdateError):
            raise
        problem = "\n".join(events.errors) or told(error)
    except BaseException:
        ended.set()
        raise
    # With Pulumi content, the first pod's smoke check may still be under way.
    follower.join(timeout)
    failure = found[0] if found else None
    return failure or (Failure(problem) if problem is not None else None)


@contextmanager
def _config(session: Session, app: Releasable, target: Target) -> Generator[str]:
    """The stack's configuration with the tag, as a file of its own: the project's changes only when all is well."""
    work = session.backend.directory / f"Pulumi.{target.stack.name}.yaml"
    with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
        file = Path(temporary) / work.name
        file.write_text(app.file_with(target, work.read_text(encoding="utf-8")), encoding="utf-8")
        yield str(file)
