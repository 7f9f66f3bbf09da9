"""The engine of a command: chosen, announced, made."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.engines.base import TITLES
from ops.engines.choice import choose

if TYPE_CHECKING:
    from local.progress import Progress
    from ops.engines.base import Engine


def engine(option: str | None, progress: Progress) -> Engine:
    """The engine that this run uses; says which one and why.

    Args:
        option: What `--engine` says, or None.
        progress: Where to report.

    Raises:
        RefusedError: The engine that was asked for is not to be had.
    """
    choice = choose(option, progress)
    progress.note(f"engine: {TITLES[choice.engine]} ({choice.reason})")
    if choice.engine == "pulumi" and choice.cli is not None:
        from ops.engines.pulumi import PulumiEngine

        return PulumiEngine(choice.cli)
    from ops.engines.helm import HelmEngine

    return HelmEngine()
