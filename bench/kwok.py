"""Nodes that nobody runs: kwok plays them in the embedded cluster's own control plane."""

from __future__ import annotations

import json
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bench.live import kubeconfig, kubectl
from bench.measure import BenchError
from bench.plan import PROJECT
from bench.programs.scale import LABEL, TAINT
from local import settings

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_NODES = 10
_ANNOTATION = {"kwok.x-k8s.io/node": "fake"}


@contextmanager
def nodes(program: Path, folder: Path) -> Generator[None]:
    """Nodes that kwok plays, as long as the block runs."""
    nodes: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"kwok-{number:02d}", "labels": LABEL, "annotations": _ANNOTATION},
            "spec": {"taints": [{"key": TAINT, "value": "fake", "effect": "NoSchedule"}]},
            "status": {what: {"cpu": "64", "memory": "512Gi", "pods": "250"} for what in ("capacity", "allocatable")},
        }
        for number in range(_NODES)
    ]
    command = [
        str(program),
        f"--kubeconfig={kubeconfig()}",
        f"--config={PROJECT / 'bench' / 'kwok.yaml'}",
        "--manage-all-nodes=false",
        "--manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake",
        "--cidr=10.245.0.0/16",
        f"--node-ip={settings.NODE_ADDRESS}",
        "--node-lease-duration-seconds=40",
    ]
    with (folder / "kwok.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            # Applied, not created: those that a killed run left are used.
            kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}))
            kubectl("wait", "--for=condition=Ready", "nodes", "-l", "type=kwok", "--timeout=60s")
            yield
        except BenchError as error:
            last = (folder / "kwok.log").read_text(encoding="utf-8").splitlines()[-5:]
            raise BenchError(f"{error}\nkwok's last words:\n" + "\n".join(last)) from None
        finally:
            # Its pods are gone by now; without them the nodes go at once.
            kubectl("delete", "nodes", "-l", "type=kwok", "--ignore-not-found")
            process.terminate()
            process.wait(timeout=20)
