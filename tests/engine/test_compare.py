"""What `compare` foresees is what Pulumi's engine then says, on objects that are there."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_kubernetes as kubernetes
import pytest
from pulumi import automation

from local import paths
from ops.compare.compare import compare
from ops.compare.plain import at
from ops.compare.sources import Render, Side
from ops.pulumi.command import StoppableCommand
from ops.render.monitor import RecordingMonitor
from ops.render.plan import plan
from ops.render.program import run
from stacks.stack_file import StackConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ops.pulumi.cli import Cli

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

core, meta = kubernetes.core.v1, kubernetes.meta.v1
PROJECT, STACK, SPACE = "compared", "foreseen", "slipway-compare-test"
SKIP = {"pulumi.com/skipAwait": "true"}


class Box(pulumi.ComponentResource):
    """A component whose type a test chooses."""

    def __init__(self, token: str, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"slipway:test:{token}", name, None, opts)


def program(*, head: bool) -> Callable[[], None]:
    """The same objects on both sides, each changed in one way in the head."""

    def choose(base: Any, other: Any) -> Any:
        return other if head else base

    def made() -> None:
        provider = kubernetes.Provider("cluster", kubeconfig=str(paths.KUBECONFIG), context="slipway")
        space = kubernetes.core.v1.Namespace(
            "space", metadata={"name": SPACE}, opts=pulumi.ResourceOptions(provider=provider)
        )

        def options(**more: Any) -> pulumi.ResourceOptions:
            return pulumi.ResourceOptions(provider=provider, depends_on=[space], **more)

        def metadata(name: str) -> Any:
            # What is to be made anew must be gone first; a pod without an image never becomes ready.
            return {"name": name, "namespace": SPACE, **({"annotations": SKIP} if name == "scaled" else {})}

        def deployment(name: str, *, tier: str = "a", replicas: int = 0, **more: Any) -> None:
            labels = {"app": name, "tier": tier}
            pod = {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "c", "image": "localhost:5000/none:1"}]},
            }
            spec: Any = {"replicas": replicas, "selector": {"match_labels": labels}, "template": pod}
            kubernetes.apps.v1.Deployment(name, metadata=metadata(name), spec=spec, opts=options(**more))

        def stateful(name: str, *, size: str = "1Gi", image: str = "1") -> None:
            claim = core.PersistentVolumeClaimArgs(
                api_version="v1",
                kind="PersistentVolumeClaim",
                metadata=meta.ObjectMetaArgs(name="data"),
                spec=core.PersistentVolumeClaimSpecArgs(
                    access_modes=["ReadWriteOnce"],
                    resources=core.VolumeResourceRequirementsArgs(requests={"storage": size}),
                ),
            )
            container = core.ContainerArgs(name="c", image=f"localhost:5000/none:{image}")
            spec = kubernetes.apps.v1.StatefulSetSpecArgs(
                replicas=0,
                service_name=name,
                selector=meta.LabelSelectorArgs(match_labels={"app": name}),
                template=core.PodTemplateSpecArgs(
                    metadata=meta.ObjectMetaArgs(labels={"app": name}),
                    spec=core.PodSpecArgs(containers=[container]),
                ),
                volume_claim_templates=[claim],
            )
            kubernetes.apps.v1.StatefulSet(name, metadata=metadata(name), spec=spec, opts=options())

        def config(name: str, value: str = "1", logical: str = "", **more: Any) -> None:
            kubernetes.core.v1.ConfigMap(
                logical or name, metadata=metadata(name), data={"a": value}, opts=options(**more)
            )

        deployment("as-it-is")
        deployment("scaled", replicas=choose(0, 1))
        deployment("selected", tier=choose("a", "b"))
        stateful("rolled", image=choose("1", "2"))
        stateful("resized", size=choose("1Gi", "2Gi"))
        config("told", choose("1", "2"))
        role: Any = {"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": choose("view", "edit")}
        kubernetes.rbac.v1.RoleBinding("bound", metadata=metadata("bound"), role_ref=role, subjects=[], opts=options())
        claim: Any = {
            "access_modes": [choose("ReadWriteOnce", "ReadWriteMany")],
            "storage_class_name": "standard",
            "resources": {"requests": {"storage": "1Mi"}},
        }
        kubernetes.core.v1.PersistentVolumeClaim("claimed", metadata=metadata("claimed"), spec=claim, opts=options())
        config(choose("gone", "new"))
        # A component under another name and type, with an alias; its child inherits it.
        aliases = [pulumi.Alias(name="outer", type_="slipway:test:Outer")] if head else None
        outer = Box(choose("Outer", "Other"), choose("outer", "other"), pulumi.ResourceOptions(aliases=aliases))
        inner = Box("Inner", choose("outer-inner", "other-inner"), pulumi.ResourceOptions(parent=outer))
        config("moved", logical=choose("outer-inner-moved", "other-inner-moved"), parent=inner)
        # The same without an alias: far below, the URN is another one.
        lost = Box(choose("Lost", "Found"), "lost")
        below = Box("Below", "lost-below", pulumi.ResourceOptions(parent=lost))
        config("dropped", logical="lost-dropped", parent=below)

    return made


def foreseen() -> dict[str, str]:
    """Object to what `compare` says of it."""
    sides: list[Side] = []
    for head in (False, True):
        monitor = RecordingMonitor()
        run(monitor, StackConfig(PROJECT, STACK, "test", {}, ()), program(head=head))
        resources = plan(STACK, monitor.records.values())["resources"]
        sides.append(Side("", {STACK: Render(resources)}))
    changes = compare(*sides).stacks[0].changes
    # A move is no step of the engine's.
    steps = [change for change in changes if change.operation != "update" or change.diff]
    return {change.label.rpartition("/")[2]: change.operation for change in steps}


def said(events: list[Any]) -> dict[str, str]:
    """Object to what the engine says of it."""
    found: dict[str, set[str]] = {}
    for event in events:
        step = event.resource_pre_event.metadata if event.resource_pre_event else None
        if step is None or not step.type.startswith("kubernetes:") or step.op in ("same", "read"):
            continue
        name = str(at((step.new or step.old).inputs, "metadata", "name"))
        found.setdefault(name, set()).add("replace" if "replace" in step.op else str(step.op.value))
    # Made anew under one URN and deleted under another is a replacement, for the object.
    return {name: operations.pop() if len(operations) == 1 else "replace" for name, operations in found.items()}


@pytest.fixture
def work(cli: Cli) -> Iterator[Callable[[Callable[[], None]], automation.Stack]]:
    with tempfile.TemporaryDirectory() as state:
        variables = {
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            **cli.environment,
        }

        def stack(made: Callable[[], None]) -> automation.Stack:
            options = automation.LocalWorkspaceOptions(env_vars=variables, pulumi_command=StoppableCommand(cli))
            return automation.create_or_select_stack(STACK, PROJECT, program=made, opts=options)

        yield stack
        stack(lambda: None).destroy()


def test_compare_foresees_what_the_engine_says(
    work: Callable[[Callable[[], None]], automation.Stack],
) -> None:
    work(program(head=False)).up()
    events: list[Any] = []
    # Not its preview: the provider's asks the API server to make beside it what has to go first.
    work(program(head=True)).up(on_event=events.append)
    told = said(events)
    assert told == foreseen()
    assert {told[name] for name in ("selected", "resized", "told", "dropped", "bound", "claimed")} == {"replace"}
    assert {told[name] for name in ("scaled", "rolled")} == {"update"}
    assert (told["gone"], told["new"]) == ("delete", "create")
    assert "moved" not in told
    assert "as-it-is" not in told
