"""What differs between a stack's program, what was applied last, and what is really there; `refresh`; `recover`."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING

from ops.cluster import added
from ops.cluster.orphans import orphans
from ops.cluster.ownership import checked
from ops.live import inventory
from ops.pulumi import state
from ops.pulumi.events import EventLog
from ops.pulumi.lock import locked
from ops.pulumi.results import Change, Difference, Drift, Outcome, Recovery
from ops.pulumi.session import open_stack

if TYPE_CHECKING:
    from ops.pulumi.cli import Cli
    from ops.pulumi.session import Session
    from ops.stack import Stack


def drift(cli: Cli, stack: Stack) -> Drift:
    """What differs: what is there against the state, the program against the state, and each cluster's orphans."""
    clusters = checked(stack)
    with locked(stack.directory, stack.name, "drift"):
        with open_stack(cli, stack, create=False) as session:
            if session.opened is None:
                found, events = Drift(pending=_everything(stack)), EventLog()
            else:
                found, events = _compare(stack, session)
        known = {state.name_of(entry) for entry in state.resources(session.deployment())}
        live = events.live(stack)
        for name, kubectl in clusters.items():
            made = inventory(kubectl, stack.name).made()
            found.differences.extend(orphans(made, stack.keys(), known, durable=stack.durable).differences(name))
            for key, paths in added.added(kubectl, live.get(name, []), stack.wanted(name)).items():
                _merge(found, Difference("changed", name, str(key), added.difference(kubectl, key, paths)))
    for name in stack.rendered.clusters.keys() - clusters.keys():
        found.unasked.append(
            f"cluster {name} about objects that are not in the state: only Pulumi's provider reaches it"
        )
    return found


def refresh(cli: Cli, stack: Stack) -> Outcome:
    """Write into the state what is there."""
    checked(stack)
    with locked(stack.directory, stack.name, "refresh"), open_stack(cli, stack, create=False) as session:
        if session.opened is None:
            return Outcome(changed=False)
        session.settle()
        events = EventLog()
        with stack.progress.step("pulumi refresh"):
            session.stack.refresh(color="never", suppress_progress=True, on_event=events, show_secrets=False)
    return Outcome(bool(events.differences(stack)))


def recover(cli: Cli, stack: Stack, *, force: bool) -> Recovery:
    """Free the lock of a run that died (by force of one that may live), and settle the operations that it left open."""
    found = Recovery()
    with ExitStack() as held:
        if not force:
            held.enter_context(locked(stack.directory, stack.name, "recover"))
        session = held.enter_context(open_stack(cli, stack, create=False))
        if session.opened is not None:
            session.recover(found, force=force)
    return found


def _compare(stack: Stack, session: Session) -> tuple[Drift, EventLog]:
    there, program = EventLog(), EventLog()
    with stack.progress.step("compare the state with what is there"):
        session.stack.preview_refresh(on_event=there, color="never", suppress_progress=True)
    with stack.progress.step("compare the program with the state"):
        session.stack.preview(on_event=program, color="never", suppress_progress=True)
    interrupted = [
        f"{operation.name} was {operation.operation} when a run died"
        for operation in state.pending(session.deployment())
    ]
    return Drift(there.differences(stack), program.changes(stack), interrupted), there


def _everything(stack: Stack) -> list[Change]:
    """Every resource of a stack that is in no state yet."""
    clusters = {cluster.provider: cluster.name for cluster in stack.rendered.clusters.values()}
    return [
        Change(
            "create",
            clusters.get(str(entry["provider"])),
            state.resource_name(str(entry["type"]), str(entry["name"]), entry["inputs"]),
        )
        for entry in stack.rendered.plan["resources"]
        if entry["custom"] and not str(entry["type"]).startswith("pulumi:")
    ]


def _merge(found: Drift, entry: Difference) -> None:
    """Add a difference, to the one that is there already of the same object."""
    for index, other in enumerate(found.differences):
        if (other.cluster, other.name) == (entry.cluster, entry.name):
            more = "\n".join(entry.diff.splitlines()[2:])
            found.differences[index] = replace(other, diff=f"{other.diff}\n{more}" if other.diff else entry.diff)
            return
    found.differences.append(entry)
