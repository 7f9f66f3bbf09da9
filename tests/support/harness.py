"""Runs a piece of program, or a whole stack, against the recording monitor, also the way a preview sees it."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

from pulumi.runtime.proto import resource_pb2

from components.clusters.existing import ExistingCluster, ExistingClusterArgs
from components.platform.namespace import Namespace, NamespaceArgs
from components.scope import Scope
from ops.render import invokes, sdk
from ops.render.monitor import Record, RecordingMonitor
from ops.render.program import PROJECT_DIR, run
from stacks.stack_file import StackConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.clusters.handle import ClusterHandle

SCOPE = Scope(project="slipway", stack="test", owner="tests", lifecycle="ephemeral")


class PreviewMonitor(RecordingMonitor):
    """Answers as a preview of a new stack does at its worst: no output of any resource is known, not even an id."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        """Record the resource and answer with its URN alone."""
        super().RegisterResource(request)
        urn = self.make_urn(request.parent, request.type, request.name)
        return resource_pb2.RegisterResourceResponse(urn=urn)


def run_program(
    program: Callable[[], None],
    *,
    preview: bool = False,
    project: str = "slipway",
    stack: str = "test",
    values: Mapping[str, str] | None = None,
) -> dict[str, Record]:
    """Run a program and write down what it registers.

    Args:
        program: What to run; it registers resources.
        preview: Whether the engine says it is a preview and no output is known.
        project: Project name.
        stack: Stack name.
        values: Configuration.

    Returns:
        URN to resource.
    """
    monitor = (PreviewMonitor if preview else RecordingMonitor)(sdk.output_types, invokes.answer)

    config = StackConfig(project=project, stack=stack, source="test", values=dict(values or {}), secret_keys=())
    run(monitor, config, program, preview=preview)
    return monitor.records


def preview(config: StackConfig) -> dict[str, Record]:
    """What a stack registers in a preview in which nothing is known.

    Args:
        config: The stack's configuration.

    Returns:
        URN to resource.
    """

    def program() -> None:
        runpy.run_path(str(PROJECT_DIR / "__main__.py"), run_name="__main__")

    return run_program(program, preview=True, project=config.project, stack=config.stack, values=config.values)


def make_cluster(name: str = "one", **facts: Any) -> ClusterHandle:
    """A cluster for component tests.

    Args:
        name: Its name.
        facts: Arguments of `ExistingClusterArgs` that differ from a plain embedded cluster.
    """
    arguments: dict[str, Any] = {
        "kind": "embedded",
        "registry": "localhost:5000",
        "storage_class": "standard",
        "node_address": "127.0.0.1",
        **facts,
    }
    return ExistingCluster(name, ExistingClusterArgs(**arguments)).handle


def make_namespace(cluster: ClusterHandle, system: str = "things", **facts: Any) -> Namespace:
    """A guarded namespace for component tests."""
    return Namespace(f"{cluster.name}-{system}", NamespaceArgs(scope=SCOPE, cluster=cluster, system=system, **facts))


def by_type(recorded: Mapping[str, Record], kind: str) -> list[Record]:
    """The resources whose type ends with `kind`, such as `:Deployment`."""
    return [entry for entry in recorded.values() if entry.type.endswith(kind)]
