"""What must not be removed by mistake, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.access import reachable
from ops.errors import RefusedError
from ops.kube import Key, section
from ops.live import LIFECYCLE_LABEL, selector
from ops.pulumi.state import is_kubernetes, name_of, protected, resource_name

if TYPE_CHECKING:
    from ops.kube import Kubectl
    from ops.pulumi.session import Session
    from ops.stack import Stack


def in_plan(stack: Stack) -> list[str]:
    """What the program protects, each as a sentence."""
    resources = stack.rendered.plan["resources"]
    return [
        f"{resource_name(str(r['type']), str(r['name']), r['inputs'])}: protected by the program"
        for r in resources
        if r["protect"] and r["custom"]
    ]


def claims_in(kubectl: Kubectl, namespace: str) -> list[str]:
    """The volume claims in a namespace, each with its size."""
    return [
        f"{Key.of(item)} ({section(item, 'spec', 'resources', 'requests').get('storage', 'of unknown size')})"
        for item in kubectl.get(["persistentvolumeclaims", "-n", namespace])
    ]


def refuse_loss(stack: Stack, session: Session, named: str | None) -> set[str]:
    """URNs of what Pulumi's state protects on clusters and the program does not make any more: an app that leaves the
    stack file, or moves to another cluster, would take its volumes along. Raises RefusedError, with a list, unless
    `named` is the stack, which somebody agreed to lose data of."""
    wanted = {str(r["urn"]) for r in stack.rendered.plan["resources"]}
    lost = [entry for entry in protected(session.deployment()) if is_kubernetes(entry) and entry["urn"] not in wanted]
    if not lost or named == stack.name:
        return {str(entry["urn"]) for entry in lost}
    lines: list[str] = []
    for entry in lost:
        lines.append(f"  {name_of(entry)}")
        if entry["type"] == "kubernetes:core/v1:Namespace":
            namespace = section(entry, "inputs", "metadata")["name"]
            found = [claim for kubectl in reachable(stack).values() for claim in claims_in(kubectl, namespace)]
            lines += [f"    with {claim}" for claim in found]
    raise RefusedError(
        f"stack {stack.name} is durable, and what the program does not make any more holds data; nothing was changed:\n"
        + "\n".join(lines)
        + "\nput the app back into the stack file (an app that moves to another cluster starts there without its data),"
        f" or remove the data for good: slipway up --stack {stack.name} --yes-remove-durable {stack.name}"
    )


def on_clusters(stack: Stack) -> list[str]:
    """What is on the clusters of a stack that is durable, or was when it was last applied, each as a sentence. A claim
    is durable where its namespace is: claim templates never change, so claims say nothing of a lifecycle."""
    wanted = f"{selector(stack.name)},{LIFECYCLE_LABEL}=durable"
    found: list[str] = []
    for kubectl in reachable(stack).values():
        for space in kubectl.get(["namespaces", "-l", wanted]):
            found.append(f"{Key.of(space)}: durable (label {LIFECYCLE_LABEL}); all that is in it goes with it")
            found += [f"{claim}: its data goes with it" for claim in claims_in(kubectl, space["metadata"]["name"])]
    return found
