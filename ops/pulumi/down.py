"""`pulumi destroy` of a whole stack, and the proof that nothing is left."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from pulumi.automation.errors import CommandError

from ops.access import reachable
from ops.cluster.ownership import checked
from ops.cluster.removal import Removal
from ops.errors import EngineError, OpsError
from ops.live import held_namespaces
from ops.pulumi import leftovers, state
from ops.pulumi.events import EventLog
from ops.pulumi.lock import locked
from ops.pulumi.protection import in_plan, on_clusters
from ops.pulumi.results import Outcome
from ops.pulumi.session import AT_ONCE, open_stack, told

if TYPE_CHECKING:
    from collections.abc import Generator

    from ops.pulumi.cli import Cli
    from ops.pulumi.session import Session
    from ops.stack import Stack


def protected(cli: Cli, stack: Stack) -> list[str]:
    """What must not be removed by mistake, each with its reason: what the program or the state protect, and what the
    clusters hold of a durable stack. Empty for a stack that may vanish."""
    with open_stack(cli, stack, create=False) as session:
        written = [f"{state.name_of(entry)}: protected by the program" for entry in _guarded(session)]
    return sorted({*in_plan(stack), *on_clusters(stack), *written})


def down(cli: Cli, stack: Stack, timeout: float) -> Outcome:
    """Destroy everything, then prove on each cluster that nothing is left; raises OpsError with what is."""
    with locked(stack.directory, stack.name, "down"):
        removals = [Removal(stack, kubectl) for kubectl in checked(stack).values()]
        for removal in removals:
            removal.look()
        destroyed, kept = _destroy(cli, stack)
        # What a killed run had made before it could write its state down carries the label all the same.
        swept = [removal.run(timeout) for removal in removals]
        for removal in removals:
            removal.prove()
    with stack.progress.step("look whether a cloud still has something"):
        left = leftovers.search(stack, kept)
    if left.found:
        raise EngineError(
            f"stack {stack.name}: still there after the removal, by their tags:\n"
            + "\n".join(f"  {name}" for name in left.found)
            + "\nremove them, or run the same command again"
        )
    return Outcome(destroyed or any(swept), tuple(kept), tuple(left.unasked))


def down_by_label(stack: Stack, timeout: float) -> Outcome:
    """Remove what carries the stack's label from its clusters, where Pulumi's state is lost or was never there. Raises
    OpsError with what does not go."""
    with locked(stack.directory, stack.name, "down"):
        removals = [Removal(stack, kubectl) for kubectl in reachable(stack).values()]
        swept = [removal.run(timeout) for removal in removals]
        for removal in removals:
            removal.prove()
    made_by_clouds = [c.name for c in stack.rendered.clusters.values() if c.by_cloud]
    return Outcome(any(swept), unasked=tuple(f"cluster {name}: a cloud makes it" for name in made_by_clouds))


def _destroy(cli: Cli, stack: Stack) -> tuple[bool, list[str]]:
    """Destroy; returns whether anything was, and what stays because a cloud's resource is protected."""
    with open_stack(cli, stack, create=False) as session:
        if session.opened is None:
            return False, []
        session.settle()
        guarded = _guarded(session)
        # Whoever calls this has agreed to lose the data on the clusters; what a cloud protects goes in two steps.
        session.unprotect({entry["urn"] for entry in guarded if state.is_kubernetes(entry)})
        kept = [entry for entry in guarded if not state.is_kubernetes(entry)]
        events = EventLog()
        if state.only_on_clusters(session.deployment()):
            session.command.variables.update(_ONE_CHECKPOINT)
        with stack.progress.step("pulumi destroy"), _naming_who_holds(stack):
            session.stack.destroy(
                color="never",
                parallel=AT_ONCE,
                exclude_protected=bool(kept) or None,
                suppress_progress=True,
                on_event=events,
                show_secrets=False,
            )
        if (session.backend.own is not None or stack.is_environment) and not kept:
            # One environment after the other would leave its last state in the backend.
            backups = ["--remove-backups"] if stack.is_environment else []
            session.run("stack", "rm", "--yes", *backups, "--stack", session.name)
    return events.changed, sorted(f"{state.name_of(entry)} ({entry.get('id')})" for entry in kept)


@contextmanager
def _naming_who_holds(stack: Stack) -> Generator[None]:
    """Where a namespace is not gone when Pulumi's wait for it ends, say (EngineError) what holds it."""
    try:
        yield
    except CommandError as error:
        held: list[str] = []
        for kubectl in reachable(stack).values():
            with suppress(OpsError):
                held += held_namespaces(kubectl, stack.name)
        if not held:
            raise
        lines = [f"stack {stack.name}: not everything is gone: {told(error)}", *held]
        raise EngineError("\n".join([*lines, "let go what holds it, and run the same command again"])) from None


_ONE_CHECKPOINT = {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_EXPERIMENTAL": "true"}
"""The state is written once, at the end, and not twice for each resource: a removal that is killed begins again from
the state before it, and what is gone from a cluster is gone for the provider, too. Not for what clouds make."""


def _guarded(session: Session) -> list[dict[str, Any]]:
    return state.protected(session.deployment())
