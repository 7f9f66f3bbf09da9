"""A cluster with a stack of Helm's engine on it, played by a stand-in for kubectl."""

from __future__ import annotations

import base64
import gzip
import json
from typing import TYPE_CHECKING

import yaml

from local.progress import SilentProgress
from ops.engines.release import owned
from ops.kube import Key
from ops.stack import load

if TYPE_CHECKING:
    from ops.kube import Manifest
    from tests.support.programs import FakeProgram

RELEASE = "slipway-dev"


class Cluster:
    """A cluster that holds what the program makes, as the stand-ins tell it."""

    def __init__(self, kubectl: FakeProgram) -> None:
        """All is as the program says, in revision 1."""
        self.program = load("dev", SilentProgress()).manifests("local")
        self.applied = self.program
        self.live = [owned(item, RELEASE) for item in self.program]
        self.extra: list[Manifest] = []
        self.records = [record(1, "deployed")]
        self.leases: list[Manifest] = []
        self.kubectl = kubectl

    def ready(self) -> None:
        """Tell it to the stand-ins."""
        kubectl = self.kubectl
        for item in self.records:
            item["data"] = {"release": stored(self.applied)}
        kubectl.on("api-resources", "services\nnamespaces\n")
        kubectl.on("get namespaces -A|get namespaces --ignore", [i for i in self.live if i["kind"] == "Namespace"])
        kubectl.on("get .*-l slipway.dev/stack=dev", [*self.live, *self.extra, *self.records])
        kubectl.on("get leases", self.leases)
        kubectl.on("get services -A", [])
        kubectl.on("delete")
        there = {Key.of(item) for item in self.live}
        kubectl.on("apply .*--dry-run=server", [owned(i, RELEASE) for i in self.applied if Key.of(i) in there])

    def all_ready(self) -> None:
        """Every Deployment has the pods that it should have."""
        for item in self.live:
            if item["kind"] == "Deployment":
                item["metadata"] = {**item["metadata"], "generation": 1}
                item["status"] = {"readyReplicas": 2, "updatedReplicas": 2, "observedGeneration": 1}

    def without(self, kind: str) -> None:
        """Somebody deleted the objects of a kind."""
        self.live = [item for item in self.live if item["kind"] != kind]

    @property
    def changing_calls(self) -> list[str]:
        """What the stand-in was asked to change."""
        lines = [call.line for call in self.kubectl.calls]
        return [
            line for line in lines if "--dry-run=server" not in line and any(f" {w} " in f" {line} " for w in WRITES)
        ]


def stored(manifests: list[Manifest]) -> str:
    """A release as Helm's Secret holds it."""
    text = "---\n".join(yaml.safe_dump(item) for item in manifests)
    packed = gzip.compress(json.dumps({"manifest": text}).encode())
    return base64.b64encode(base64.b64encode(packed)).decode()


def lease(holder_file: str, renewed: str, holder: str = "ann@far, process 7, slipway up") -> Manifest:
    """The stack's lock, held by a run on another machine, and since when it says that it lives."""
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": RELEASE, "namespace": "slipway", "annotations": {"slipway.dev/lock-file": holder_file}},
        "spec": {"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 60},
    }


WRITES = ("apply", "create", "replace", "delete", "patch")


def record(revision: int, status: str) -> Manifest:
    """A revision in Helm's storage."""
    marks = {"owner": "helm", "name": RELEASE, "version": str(revision), "status": status}
    marks |= {"slipway.dev/cluster": "local", "slipway.dev/stack": "dev"}
    metadata = {"name": f"sh.helm.release.v1.{RELEASE}.v{revision}", "namespace": "slipway", "labels": marks}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
