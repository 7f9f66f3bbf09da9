"""What `up` has to say before it goes back to another tag than the one that was released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.kube import Key
from ops.releases.tags import split
from ops.releases.target import tag_of

if TYPE_CHECKING:
    from ops.releases.live import Live
    from ops.stack import Stack


def tell_behind(stack: Stack, cluster: str, live: Live) -> None:
    """Say which apps run what was released last while the stack file says another tag: the release was made in another
    clone, and its change of the file was not committed.

    Args:
        stack: The stack; its progress is told, a sentence for each app.
        cluster: Name of a cluster.
        live: What is on it.
    """
    for app in sorted({entry.app for entry in live.history.entries}):
        released = live.history.current(app)
        parts = [part for part in stack.apps(cluster) if app in (part.name, part.part_of)]
        found = [(part, live.objects.get(Key("apps", part.kind, part.namespace, part.object))) for part in parts]
        differs = any(
            workload is not None and tag_of(workload, part) == released != split(part.image)[1]
            for part, workload in found
        )
        if released is None or not differs:
            continue
        last = next(entry for entry in reversed(live.history.of(app)) if entry.after == released)
        stack.progress.note(
            f"{app}: {released}, released {last.at[:10]} by {last.who}, runs, and the stack file says another tag, "
            f"which `up` puts in its place. To keep what runs: slipway release {app} --image-tag {released} "
            f"--stack {stack.name}"
        )
