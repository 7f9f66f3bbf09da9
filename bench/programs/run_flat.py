"""Runs a flat program on the recording monitor and writes what `slipway render` writes: `run_flat FILE STACK OUT`."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ops.render import manifests
from ops.render.files import write
from ops.render.monitor import Record, RecordingMonitor
from ops.render.plan import plan
from ops.render.program import run
from ops.render.result import Cluster, Rendered
from stacks.garbage import relax
from stacks.stack_file import StackConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

_KUBERNETES = "pulumi:providers:kubernetes"


def record(file: Path, stack: str) -> dict[str, Record]:
    """What a flat program registers.

    Args:
        file: The program.
        stack: Stack name.

    Returns:
        URN to resource.
    """
    monitor = RecordingMonitor()
    config = StackConfig(project="slipway", stack=stack, source=str(file), values={}, secret_keys=())

    def program() -> None:
        runpy.run_path(str(file), run_name="__main__")

    run(monitor, config, program)
    return monitor.records


def rendered(records: Mapping[str, Record], stack: str) -> Rendered:
    """The plan and the manifests, by provider.

    Args:
        records: What the program registered.
        stack: Stack name.

    Returns:
        What can be written.
    """
    clusters = {
        entry.name: Cluster(entry.name, "existing", None, None, "", entry.urn)
        for entry in records.values()
        if entry.type == _KUBERNETES
    }
    found = {name: manifests.collect(records.values(), cluster.provider) for name, cluster in clusters.items()}
    return Rendered(
        stack=stack,
        project="slipway",
        plan=plan(stack, records.values()),
        manifests={name: some[0] for name, some in found.items()},
        secrets={name: some[1] for name, some in found.items()},
        apps=[],
        clusters=clusters,
    )


def main(file: str, stack: str, out: str) -> None:
    """Run and write.

    Args:
        file: The flat program.
        stack: Stack name.
        out: Output directory.
    """
    # As `slipway` itself does: what is compared is the programs, not Python's garbage collector.
    relax()
    write(rendered(record(Path(file), stack), stack), Path(out))


if __name__ == "__main__":
    main(*sys.argv[1:4])
