"""A program of many replicas for nodes that nobody runs: stands in the place of `__main__.py` in the part `scale`."""

from __future__ import annotations

import os
from typing import Any, cast

import pulumi

from bench.programs.workloads import make
from components import versions

LABEL = {"type": "kwok"}
"""Label of the nodes that kwok plays."""
TAINT = "kwok.x-k8s.io/node"
"""Taint of those nodes, so that nothing else is placed on them."""


def _elsewhere(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    if args.type_ != "kubernetes:apps/v1:Deployment":
        return None
    pod = cast("Any", args.props["spec"]).template.spec
    pod.node_selector = LABEL
    pod.tolerations = [{"key": TAINT, "operator": "Exists", "effect": "NoSchedule"}]
    return pulumi.ResourceTransformationResult(args.props, args.opts)


def program() -> None:
    """Register the workloads: as many and with as many pods as the environment says."""
    pulumi.runtime.register_stack_transformation(_elsewhere)
    make(
        int(os.environ["BENCH_WORKLOADS"]),
        stack=pulumi.get_stack(),
        image=versions.IMAGES["nginx"],
        replicas=int(os.environ["BENCH_REPLICAS"]),
        per_namespace=5,
        context=os.environ["BENCH_CONTEXT"],
    )
