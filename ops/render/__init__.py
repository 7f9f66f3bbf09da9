"""Runs the program on a recording monitor: plan and manifests, without Pulumi's CLI and without a cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ops.render.files import write
    from ops.render.program import render
    from ops.render.result import App, Cluster, Rendered

__all__ = ["App", "Cluster", "Rendered", "render", "write"]


def __getattr__(name: str) -> Any:
    """Loaded when it is asked for: running the program loads Pulumi's SDK, the rest does not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ops.render import files, result

    if name in ("App", "Cluster", "Rendered"):
        return getattr(result, name)
    if name == "write":
        return files.write
    from ops.render import program

    return program.render
