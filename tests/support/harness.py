"""Runs a piece of program, or a whole stack, against the recording monitor, also the way a preview sees it."""

from __future__ import annotations

import runpy
from typing import TYPE_CHECKING, Any

from pulumi.runtime.proto import resource_pb2

from components.clusters.existing import ExistingCluster, ExistingClusterArgs
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.scope import Scope
from ops.render.monitor import Record, RecordingMonitor
from ops.render.program import PROJECT_DIR, run
from stacks.stack_file import StackConfig

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.model import Cluster, Namespace

UNKNOWN = "pulumi.output.Unknown"
"""What stands in a record where a preview did not know the value."""
SCOPE = Scope(project="slipway", stack="test", owner="tests", lifecycle="ephemeral")


class PreviewMonitor(RecordingMonitor):
    """Answers as a preview of a new stack does at its worst: no output of any resource is known, not even an id."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        """Record the resource and answer with its URN alone."""
        super().RegisterResource(request)
        urn = self.make_urn(request.parent, request.type, request.name)
        return resource_pb2.RegisterResourceResponse(urn=urn)


class EchoingMonitor(PreviewMonitor):
    """Answers as Pulumi's Kubernetes provider does in the preview of an object that is not there: with what was given.
    A server that is asked may add a status in which nothing happened yet."""

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - name of the RPC
        """Record the resource and answer with its URN and, for an object on a cluster, its inputs."""
        answer = super().RegisterResource(request)
        if request.type.startswith("kubernetes:"):
            answer.object.CopyFrom(request.object)
            answer.object.update({"status": {"loadBalancer": {}}})
        return answer


def run_program(
    program: Callable[[], None],
    *,
    monitor: type[RecordingMonitor] = RecordingMonitor,
    project: str = "slipway",
    stack: str = "test",
    values: Mapping[str, str] | None = None,
) -> dict[str, Record]:
    """Run a program and write down what it registers."""
    made = monitor()
    config = StackConfig(project=project, stack=stack, source="test", values=dict(values or {}), secret_keys=())
    run(made, config, program, preview=issubclass(monitor, PreviewMonitor))
    return made.records


def preview(config: StackConfig, monitor: type[PreviewMonitor]) -> dict[str, Record]:
    """What a stack registers in a preview of it, new as it is."""

    def program() -> None:
        runpy.run_path(str(PROJECT_DIR / "__main__.py"), run_name="__main__")

    return run_program(program, monitor=monitor, project=config.project, stack=config.stack, values=config.values)


def make_cluster(name: str = "one", **facts: Any) -> Cluster:
    """A cluster for component tests."""
    arguments: dict[str, Any] = {
        "kind": "embedded",
        "registry": "localhost:5000",
        "storage_class": "standard",
        "node_address": "127.0.0.1",
        **facts,
    }
    return ExistingCluster(name, ExistingClusterArgs(**arguments)).handle


def make_namespace(cluster: Cluster, system: str = "things", **facts: Any) -> Namespace:
    """A guarded namespace for component tests."""
    args = GuardedNamespaceArgs(scope=SCOPE, cluster=cluster, system=system, **facts)
    return GuardedNamespace(f"{cluster.name}-{system}", args).handle


def by_type(recorded: Mapping[str, Record], kind: str) -> list[Record]:
    """The resources whose type ends with `kind`, such as `:Deployment`."""
    return [entry for entry in recorded.values() if entry.type.endswith(kind)]
