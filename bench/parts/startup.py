"""Start-up alone: what is loaded before a command does anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from bench.measure import Row, alternate, run
from bench.plan import PROJECT, SLIPWAY

if TYPE_CHECKING:
    from bench.plan import Plan

_COUNT = "import sys; import {module}; print(len(sys.modules))"


def run_part(plan: Plan) -> list[Row]:
    """Time and modules of `slipway --help`, and of what a render loads, beside `import pulumi`."""
    contenders = {
        "slipway --help": [str(SLIPWAY), "--help"],
        "import ops.render": [sys.executable, "-c", "import ops.render"],
        "import pulumi": [sys.executable, "-c", "import pulumi"],
        "python": [sys.executable, "-c", "pass"],
    }
    for command in contenders.values():
        run(command, cwd=PROJECT)
    taken = alternate(
        {name: lambda c=command: run(c, cwd=PROJECT) for name, command in contenders.items()},
        max(plan.rounds, 7),
        "start-up",
    )
    pulumi = [sample.wall for sample in taken["import pulumi"]]
    rows = [
        Row("startup", f"`{name}`", "s", [sample.wall for sample in taken[name]], pulumi, '`python -c "import pulumi"`')
        for name in ("slipway --help", "import ops.render", "python")
    ]
    ours = _modules("ops.app")
    theirs = _modules("pulumi")
    rows.append(
        Row("startup", "modules loaded by `slipway --help`", "modules", [ours], [theirs], '`python -c "import pulumi"`')
    )
    return rows


def _modules(module: str) -> float:
    return float(run([sys.executable, "-c", _COUNT.format(module=module)], cwd=PROJECT).output)
