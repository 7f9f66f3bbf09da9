"""Runs the program against a recording monitor: the plan and the charts, without Pulumi's CLI and without a cloud."""

from ops.render.chart import write
from ops.render.program import render
from ops.render.result import App, Cluster, Rendered

__all__ = ["App", "Cluster", "Rendered", "render", "write"]
