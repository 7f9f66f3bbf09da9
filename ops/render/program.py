"""Runs `__main__.py` against the recording monitor."""

from __future__ import annotations

import asyncio
import contextvars
import os
import runpy
import threading
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from google.protobuf import empty_pb2
from pulumi.runtime import run_in_stack, set_all_config  # pyright: ignore[reportUnknownVariableType] - untyped
from pulumi.runtime.mocks import MockEngine, MockSettings
from pulumi.runtime.settings import configure

from ops.render import manifests
from ops.render.monitor import Record, RecordingMonitor
from ops.render.plan import plan
from ops.render.result import App, Cluster, Rendered, Smoke
from ops.settings import settings_of
from stacks.stack_file import StackConfig, read_stack_config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PROJECT_DIR = Path(__file__).resolve().parents[2]
"""Directory of Pulumi.yaml and `__main__.py`."""
_SERVICE = "slipway:workloads:Service"
_CLUSTER_PREFIX = "slipway:clusters:"
_KUBERNETES_PROVIDER = "pulumi:providers:kubernetes"


def run(monitor: RecordingMonitor, config: StackConfig, program: Callable[[], None], *, preview: bool = False) -> None:
    engine_settings: dict[str, Any] = {
        "monitor": monitor,
        "monitor_features": set(cast("Any", monitor).GetDeploymentInfo(empty_pb2.Empty()).supportedFeatures),
        "engine": MockEngine(None),
        "project": config.project,
        "stack": config.stack,
        "dry_run": preview,
        "organization": "organization",
        "callbacks": None,
        # MockSettings would share these with every run of the process: a run that failed leaves outputs behind that
        # never come, and the next one would wait for them for ever.
        "outputs": set[Any](),
        "lock": threading.Lock(),
        "package_refs": {},
        "base_providers_by_ref": {},
    }

    async def begun() -> None:
        program()
        # Registrations begin with the next turn of the loop. If the SDK looked for calls under way before that, it
        # would find none and wait for outputs, each time for all of them: the square of the stack's size.
        await asyncio.sleep(0)

    def inside() -> None:
        loop = asyncio.new_event_loop()
        # The error that ends a run is raised; that it also is the value of every output behind it is not told again.
        loop.set_exception_handler(lambda _loop, _context: None)
        asyncio.set_event_loop(loop)
        try:
            configure(MockSettings(**engine_settings))
            set_all_config(dict(config.values), list(config.secret_keys))
            loop.run_until_complete(run_in_stack(begun))
        finally:
            loop.close()
            asyncio.set_event_loop(None)

    # The SDK keeps its settings in context variables: a context of its own leaves no trace of this run.
    contextvars.copy_context().run(inside)


def record(config: StackConfig, project_dir: Path = PROJECT_DIR) -> dict[str, Record]:
    """Run the program and write down what it registers, by URN; raises SystemExit where it refuses its settings."""
    monitor = RecordingMonitor()

    def program() -> None:
        runpy.run_path(str(project_dir / "__main__.py"), run_name="__main__")

    # The Kubernetes SDK copies KUBECONFIG into its provider's inputs: the plan must not depend on who renders it.
    kubeconfig = os.environ.pop("KUBECONFIG", None)
    try:
        run(monitor, config, program)
    finally:
        if kubeconfig is not None:
            os.environ["KUBECONFIG"] = kubeconfig
    return monitor.records


def _clusters(records: Mapping[str, Record]) -> dict[str, Cluster]:
    found: dict[str, Cluster] = {}
    for entry in records.values():
        if not entry.type.startswith(_CLUSTER_PREFIX):
            continue
        provider = next(
            (r.urn for r in records.values() if r.type == _KUBERNETES_PROVIDER and r.parent == entry.urn), None
        )
        if provider is None:
            continue
        out = entry.outputs
        found[out["name"]] = Cluster(
            name=out["name"],
            kind=out["kind"],
            context=out.get("context"),
            kubeconfig=out.get("kubeconfig") if isinstance(out.get("kubeconfig"), str) else None,
            registry=out["registry"],
            provider=provider,
        )
    return dict(sorted(found.items()))


def _app(outputs: Mapping[str, Any]) -> App:
    said: dict[str, Any] = {field.name: outputs.get(_in_program(field.name)) for field in fields(App)}
    if smoke := said["smoke"]:
        said["smoke"] = Smoke(smoke["path"], int(smoke["status"]), smoke["text"])
    return App(**said)


def _in_program(name: str) -> str:
    """A field's name as an output has it: `nodePort`."""
    first, *others = name.split("_")
    return first + "".join(map(str.title, others))


def render_config(config: StackConfig, project_dir: Path = PROJECT_DIR) -> Rendered:
    """Raises SettingsError where the settings are wrong."""
    # Told here with the file's name, before the program is run and can only name the stack.
    settings_of(config)
    records = record(config, project_dir)
    clusters = _clusters(records)
    by_cluster: dict[str, Any] = {}
    secrets: dict[str, Any] = {}
    unresolved: dict[str, list[str]] = {}
    for name, cluster in clusters.items():
        by_cluster[name], secrets[name], unresolved[name] = manifests.collect(records.values(), cluster.provider)
    apps = sorted((_app(r.outputs) for r in records.values() if r.type == _SERVICE), key=lambda a: (a.cluster, a.name))
    return Rendered(
        stack=config.stack,
        project=config.project,
        plan=plan(config.stack, records.values()),
        manifests=by_cluster,
        secrets=secrets,
        apps=apps,
        clusters=clusters,
        unresolved=unresolved,
    )


def render(stack: str, project_dir: Path = PROJECT_DIR) -> Rendered:
    """Render a stack from its files; raises SettingsError where one is missing or wrong."""
    return render_config(read_stack_config(project_dir, stack), project_dir)
