"""What a run of the benchmark was asked for, and where its work lies."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
SLIPWAY = Path(sys.executable).with_name("slipway")


class Skipped(Exception):  # noqa: N818 - no error: it says why a part has nothing to measure here
    """A part cannot be measured on this machine; the message says why."""


@dataclass(frozen=True)
class Plan:
    """How to measure.

    Attributes:
        rounds: How often each contender runs.
        scratch: Directory for this run, removed at its end.
        largest: Workloads of the largest growth program.
        pods: Pods of the part `scale`.
        apps: Names of the apps of dev that the part `stack` consists of; none for all, ingress and monitoring included.
        purge: Whether an embedded cluster that is there may be removed, its data included, to measure a cold start.
    """

    rounds: int
    scratch: Path
    largest: int
    pods: int
    apps: tuple[str, ...]
    purge: bool

    def folder(self, name: str) -> Path:
        """A directory of its own."""
        path = self.scratch / name
        path.mkdir(parents=True, exist_ok=True)
        return path
