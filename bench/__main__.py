"""The benchmark: `python -m bench [--only render,growth] [--rounds 5] [--json]`; `make bench` calls it."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench import machine, report
from bench.measure import BenchError, say
from bench.plan import Plan, Skipped
from local.errors import LocalError
from ops.errors import OpsError
from stacks.settings import SettingsError

if TYPE_CHECKING:
    from types import FrameType

PARTS = tuple(report.TITLES)
BY_DEFAULT = tuple(name for name in PARTS if name != "fresh")
"""All but the one that builds everything from nothing, which takes half an hour."""
_BUSY = 0.75


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark.

    Args:
        arguments: Command line; None for this process's own.

    Returns:
        Exit code: 1 if a part failed; a missed aim is no failure.
    """
    wish = _arguments(arguments)
    signal.signal(signal.SIGTERM, _terminated)
    results: dict[str, Any] = {}
    failed = False
    with tempfile.TemporaryDirectory(prefix="slipway-bench-") as scratch:
        plan = Plan(
            rounds=wish.rounds,
            scratch=Path(scratch),
            largest=wish.largest,
            pods=wish.pods,
            apps=wish.apps,
            purge=wish.purge,
        )
        for name in wish.only:
            say(f"part {name}")
            facts = machine.facts()
            if machine.load() > _BUSY:
                say(f"the machine is busy (load {machine.load():.1f} per core): times will be long, ratios hold better")
            try:
                rows = importlib.import_module(f"bench.parts.{name}").run_part(plan)
                results[name] = {"facts": facts, "rows": [row.as_dict() for row in rows]}
            except Skipped as reason:
                say(f"part {name} is skipped: {reason}")
                results[name] = {"facts": facts, "skipped": str(reason)}
            except (BenchError, OpsError, LocalError, SettingsError) as error:
                say(f"part {name} failed: {error}")
                failed = True
            except KeyboardInterrupt:
                say("interrupted; what was measured so far is kept")
                failed = True
                break
    if not wish.dry_run and any("rows" in part for part in results.values()):
        report.save(report.merge(report.load(), results))
        say(f"written: {report.RESULTS}")
    sys.stdout.write(json.dumps(results, indent=1) + "\n" if wish.json else report.text(results, ""))
    return 1 if failed else 0


def _arguments(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--only", type=_names, default=BY_DEFAULT, help=f"parts, with commas: {', '.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender (default 5)")
    parser.add_argument("--largest", type=int, default=3000, help="workloads of the largest growth program")
    parser.add_argument("--pods", type=int, default=1000, help="pods of the part `scale`")
    parser.add_argument("--apps", type=_words, default=(), help="apps of dev for the part `stack`, with commas")
    parser.add_argument("--purge", action="store_true", help="remove the embedded cluster, to measure a cold start")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--dry-run", action="store_true", help="measure, but leave bench/RESULTS.md as it is")
    return parser.parse_args(arguments)


def _names(text: str) -> tuple[str, ...]:
    names = _words(text)
    if unknown := sorted(set(names) - set(PARTS)):
        raise argparse.ArgumentTypeError(f"there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    return names or BY_DEFAULT


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _terminated(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
