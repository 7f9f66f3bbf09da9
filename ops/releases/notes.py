"""What `up` and `preview` have to say before they go back to another tag than the one that was released."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.kube import Key
from ops.pulumi import state
from ops.releases import history
from ops.releases.tags import split, tag_in

if TYPE_CHECKING:
    from ops.pulumi.session import Session
    from ops.stack import Stack


def tell_behind(stack: Stack, session: Session) -> None:
    """Say which apps run what was released last while the stack file says another tag: the release was made in another
    clone, and its change of the file was not committed. The history is asked for only where a tag changes."""
    there = {state.name_of(entry): entry for entry in state.resources(session.deployment())}
    changes: dict[str, str] = {}
    for part in stack.rendered.apps:
        entry = there.get(str(Key("apps", part.kind, part.namespace, part.object)))
        running = tag_in(entry) if entry else None
        if running is not None and running != split(part.image)[1]:
            changes[part.part_of or part.name] = running
    known = history.read(session) if changes else history.History()
    for app, running in sorted(changes.items()):
        last = known.current(app)
        if last is not None and last.after == running:
            stack.progress.note(
                f"{app}: {running}, released {last.at[:10]} by {last.who}, runs, and the stack file says another tag, "
                f"which `up` puts in its place. To keep what runs: slipway release {app} --image-tag {running} "
                f"--stack {stack.name}"
            )
