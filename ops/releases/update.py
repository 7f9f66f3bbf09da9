"""A targeted `pulumi up`: the app's workloads alone, followed on the cluster and ended early when it is hopeless."""

from __future__ import annotations

import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from pulumi.automation.errors import CommandError, ConcurrentUpdateError

from ops.pulumi.backend import with_secrets_of
from ops.pulumi.events import EventLog
from ops.pulumi.session import told
from ops.releases.rollout import Failure

if TYPE_CHECKING:
    from ops.pulumi.session import Session
    from ops.releases.rollout import Rollout
    from ops.releases.target import Releasable


def put(session: Session, app: Releasable, rollout: Rollout, message: str, timeout: float) -> Failure | None:
    """Change the app to the rollout's target and wait until it is ready; what somebody changed of it by hand is brought
    back. Raises ConcurrentUpdateError where another run holds the stack's lock."""
    ended = threading.Event()

    def follow() -> Failure | None:
        failure = rollout.wait(timeout, ended.is_set)
        if failure is not None and not ended.is_set():
            session.command.stop()
        return failure

    events = EventLog()
    with rollout.watching(), ThreadPoolExecutor(max_workers=1) as aside:
        following = aside.submit(follow)
        try:
            _up(session, app, rollout, message, events)
            # With Pulumi content, the first pod's smoke check may still be under way.
            return following.result()
        except BaseException as error:
            ended.set()
            if not isinstance(error, CommandError) or isinstance(error, ConcurrentUpdateError):
                raise
            return following.result() or Failure("\n".join(events.errors) or told(error))


def _up(session: Session, app: Releasable, rollout: Rollout, message: str, events: EventLog) -> None:
    """With a configuration of its own, in which the tag differs: the project's changes only when all is well."""
    target, name = rollout.target, f"Pulumi.{session.name}.yaml"
    work = (session.backend.directory / name).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="slipway-") as temporary:
        file = Path(temporary) / name
        file.write_text(with_secrets_of(app.text_with(target.value), work), encoding="utf-8")
        session.stack.up(
            target=list(target.workloads()),
            config_file=str(file),
            refresh=True,
            message=message,
            on_event=events,
            color="never",
            show_secrets=False,
        )
