"""Runs the program of N workloads on the recording monitor and tells what it took: `run_workloads N`."""

from __future__ import annotations

import json
import sys
import time

from bench.programs.workloads import make
from ops.render import manifests
from ops.render.monitor import RecordingMonitor
from ops.render.plan import plan
from ops.render.program import run
from stacks.garbage import relax
from stacks.stack_file import StackConfig


def main(count: int) -> None:
    """Run it and print `{"seconds", "resources"}`: CPU seconds without start-up, which a first small run has paid.

    Args:
        count: How many workloads.
    """
    relax()
    _work(1)
    started = time.process_time()
    resources = _work(count)
    print(json.dumps({"seconds": time.process_time() - started, "resources": resources}))


def _work(count: int) -> int:
    monitor = RecordingMonitor()
    config = StackConfig(project="slipway", stack="growth", source="bench", values={}, secret_keys=())
    if count:
        run(monitor, config, lambda: make(count))
    records = monitor.records
    provider = next((r.urn for r in records.values() if r.type == "pulumi:providers:kubernetes"), "")
    manifests.collect(records.values(), provider)
    return len(plan("growth", records.values())["resources"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
