"""A hundred workloads as components under Pulumi's engine, beside a flat program of the same."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, cast

import yaml

from bench.kwok import nodes
from bench.live import context, kubeconfig, kubectl, require_cluster
from bench.measure import BenchError, Row, Sample, alternate, environment, run, say
from bench.plan import PROJECT
from bench.programs import flat, scale
from local import toolchain
from ops.output import progress
from ops.pulumi import cli
from ops.pulumi.backend import file_url
from ops.render.monitor import RecordingMonitor
from ops.render.program import run as run_program
from stacks.stack_file import StackConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bench.plan import Plan
    from ops.pulumi.cli import Cli
    from ops.render.monitor import Record

WORKLOADS = 100
STACK = "scale"
AIMS = {"up": 0.35, "preview": 1.10, "nothing": 1.05, "destroy": 0.60}
_ROUNDS = 3
_HINTS = "pulumi.com/"
_TIMEOUT_S = 600
_TITLES = {
    "up": "up from nothing",
    "preview": "preview without changes",
    "nothing": "up without changes",
    "destroy": "destroy",
}


def run_part(plan: Plan) -> list[Row]:
    """Times of up, preview, up without changes and destroy; nothing is left at the end."""
    require_cluster()
    found = cli.find(progress())
    # The stack's program reads these when it runs, here and under the engine.
    os.environ |= {"BENCH_WORKLOADS": str(WORKLOADS), "BENCH_REPLICAS": "1", "BENCH_CONTEXT": context()}
    ours, theirs = plan.folder("engine-ours"), plan.folder("engine-flat")
    records = _records()
    (ours / "__main__.py").write_text("from bench.programs.scale import program\n\nprogram()\n", encoding="utf-8")
    (theirs / "__main__.py").write_text(flat.source(as_in_examples(records)), encoding="utf-8")
    count = sum(record.custom for record in records.values())
    with nodes(toolchain.tool("kwok"), plan.folder("engine-kwok")):
        contenders = {"slipway": _Contender(found, ours), "flat": _Contender(found, theirs)}
        try:
            taken = alternate(
                {name: contender.life for name, contender in contenders.items()},
                min(plan.rounds, _ROUNDS),
                f"Pulumi's engine, {WORKLOADS} workloads",
            )
        finally:
            say("clean up")
            _clear()
    note = f"{count} resources under a provider; {WORKLOADS} pods on nodes that kwok plays"
    return [
        Row(
            "engine",
            f"{WORKLOADS} workloads: {title}",
            "s",
            [life[step] for life in taken["slipway"]],
            [life[step] for life in taken["flat"]],
            "a flat program of the same objects, as in Pulumi's examples",
            AIMS[step],
            note if step == "up" else "",
        )
        for step, title in _TITLES.items()
    ]


def _records() -> dict[str, Record]:
    monitor = RecordingMonitor()
    config = StackConfig(project="slipway", stack=STACK, source="bench", values={}, secret_keys=())
    run_program(monitor, config, scale.program)
    return monitor.records


def as_in_examples(records: dict[str, Record]) -> dict[str, Record]:
    """Resources as a plain program has them: without hints on what is awaited, each removed by itself.

    Args:
        records: What our program registered.

    Returns:
        The same objects, written as Pulumi's examples do.
    """
    for record in records.values():
        record.options.pop("deletedWith", None)
        metadata = cast("dict[str, Any]", record.inputs.get("metadata") or {})
        annotations = cast("dict[str, str]", metadata.get("annotations") or {})
        for key in [key for key in annotations if key.startswith(_HINTS)]:
            del annotations[key]
    return records


class _Contender:
    """A project and its state, driven by Pulumi's CLI."""

    def __init__(self, found: Cli, directory: Path) -> None:
        self._cli = str(found.path)
        self._directory = directory
        state = directory / "state"
        state.mkdir()
        self._env = environment(
            {
                **found.environment,
                "PULUMI_BACKEND_URL": file_url(state),
                "PULUMI_CONFIG_PASSPHRASE": "bench",
                "PYTHONPATH": str(PROJECT),
                "KUBECONFIG": str(kubeconfig()),
            }
        )
        runtime = {"name": "python", "options": {"virtualenv": str(PROJECT / ".venv")}}
        (directory / "Pulumi.yaml").write_text(
            yaml.safe_dump({"name": "slipway", "runtime": runtime}), encoding="utf-8"
        )
        self._pulumi("stack", "init", STACK)

    def _pulumi(self, *arguments: str) -> Sample:
        command = [self._cli, *arguments, "--non-interactive"]
        return run(command, cwd=self._directory, env=self._env, timeout=_TIMEOUT_S)

    def life(self) -> dict[str, float]:
        """Seconds of each step from nothing to nothing."""
        taken = {
            "up": self._step("up", "--yes", "--skip-preview"),
            "preview": self._step("preview"),
            "nothing": self._step("up", "--yes", "--skip-preview"),
            "destroy": self._step("destroy", "--yes", "--skip-preview"),
        }
        _wait_gone()
        return taken

    def _step(self, *arguments: str) -> float:
        return self._pulumi(*arguments, "--stack", STACK).wall


def _gone() -> bool:
    return not kubectl("get", "namespaces", "-l", f"slipway.dev/stack={STACK}", "-o", "name").output.strip()


def _wait_gone(gone: Callable[[], bool] = _gone) -> None:
    end = time.monotonic() + _TIMEOUT_S
    while not gone():
        if time.monotonic() > end:
            raise BenchError(f"namespaces of the stack {STACK} do not go")
        time.sleep(1)


def _clear() -> None:
    label = f"slipway.dev/stack={STACK}"
    kubectl("delete", "namespaces", "-l", label, "--wait=true", "--ignore-not-found")
    _wait_gone()
