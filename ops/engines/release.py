"""Helm for one release: its records, upgrade, rollback and uninstall."""

from __future__ import annotations

import base64
import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from ops import tools
from ops.child import Child
from ops.errors import EngineError
from ops.kube import Key, annotations_of, labels_of, section
from ops.live import NAMESPACE, RELEASE_ANNOTATION, STACK_LABEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ops.kube import Kubectl, Manifest

MANAGER = "helm"
"""Field manager of Helm's server-side apply."""
CLUSTER_LABEL = "slipway.dev/cluster"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
# Helm's own limits (20 calls a second) made a hundred apps take 81 s.
_LIMITS = ["--qps=200", "--burst-limit=400"]
# The one in C where there is one: a hundred manifests take a second in Python.
_LOADER: type[yaml.SafeLoader | yaml.CSafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Record:
    """One revision of a release, as Helm's storage has it.

    Attributes:
        key: The Secret that holds it.
        release: Name of the release.
        revision: Its number.
        status: `deployed`, `superseded`, `failed`, `pending-install`, `uninstalling` ...
    """

    key: Key
    release: str
    revision: int
    status: str

    @property
    def pending(self) -> bool:
        """Whether a run of Helm was at it and never finished."""
        return self.status.startswith("pending")


def records(objects: Mapping[Key, Manifest], cluster: str) -> list[Record]:
    """The revisions of a stack's release on a cluster, oldest first.

    Args:
        objects: The stack's live objects; Helm's records carry the stack's label because the engine asks for it.
        cluster: Name of the cluster in the stack file.
    """
    found: list[Record] = []
    for key, item in objects.items():
        marks = labels_of(item)
        ours = key.namespace == NAMESPACE and key.kind == "Secret" and marks.get("owner") == "helm"
        if ours and marks.get(CLUSTER_LABEL) == cluster:
            found.append(Record(key, marks["name"], int(marks["version"]), marks["status"]))
    return sorted(found, key=lambda record: record.revision)


def installed(record: Manifest) -> list[Manifest]:
    """What a revision consists of, as it was rendered.

    Args:
        record: The Secret that holds it: JSON, gzipped, in base64 once by Helm and once by Kubernetes
            (https://helm.sh/docs/topics/advanced/#storage-backends).

    Raises:
        EngineError: It holds no release.
    """
    try:
        text = gzip.decompress(base64.b64decode(base64.b64decode(str(section(record, "data")["release"]))))
        manifest = str(json.loads(text)["manifest"])
    except (KeyError, TypeError, ValueError, EOFError, OSError) as error:
        raise EngineError(f"{Key.of(record)} is no record of Helm ({type(error).__name__})") from None
    return [item for item in yaml.load_all(manifest, Loader=_LOADER) if item]


def release_name(stack: str, cluster: str, clusters: Sequence[str], known: Sequence[Record]) -> str:
    """Name of the release of a stack on one cluster.

    The one that it has already, so that adding a cluster to a stack renames nothing; else `slipway-<stack>`, with the
    cluster's name where a stack has several.
    """
    if known:
        return known[-1].release
    return f"slipway-{stack}".lower() if len(clusters) == 1 else f"slipway-{stack}-{cluster}".lower()


def owned(manifest: Manifest, release: str) -> Manifest:
    """A manifest with the marks of ownership that Helm itself adds."""
    return {
        **manifest,
        "metadata": {
            **manifest["metadata"],
            "labels": {**labels_of(manifest), _MANAGED_BY: "Helm"},
            "annotations": {
                **annotations_of(manifest),
                RELEASE_ANNOTATION: release,
                _RELEASE_NAMESPACE: NAMESPACE,
            },
        },
    }


class Helm:
    """Helm bound to one cluster and one release."""

    def __init__(self, program: Path, kubectl: Kubectl, release: str) -> None:
        """Bind the program."""
        self._program = program
        self._kubectl = kubectl
        self.release = release

    def _child(self, arguments: Sequence[str]) -> Child:
        access = self._kubectl.access.flags("--kube-context")
        return Child([str(self._program), *arguments, "-n", NAMESPACE, *access, *_LIMITS], env=tools.environment())

    def upgrade(self, chart: Path, stack: str, timeout: float) -> Child:
        """Start `helm upgrade --install` and wait for readiness; the caller watches it."""
        return self._child(
            [
                "upgrade",
                "--install",
                self.release,
                str(chart),
                "--wait=watcher",
                f"--timeout={timeout:.0f}s",
                "--server-side=true",
                "--force-conflicts",
                f"--labels={STACK_LABEL}={stack},{CLUSTER_LABEL}={self._kubectl.cluster}",
            ]
        )

    def rollback(self, revision: int, timeout: float) -> Child:
        """Start `helm rollback` to a revision."""
        return self._child(
            [
                "rollback",
                self.release,
                str(revision),
                "--wait=watcher",
                f"--timeout={timeout:.0f}s",
                "--server-side=true",
                "--force-conflicts",
            ]
        )

    def uninstall(self, timeout: float) -> Child:
        """Start `helm uninstall --wait`; a release that is gone is fine."""
        return self._child(
            ["uninstall", self.release, "--wait=watcher", "--ignore-not-found", f"--timeout={timeout:.0f}s"]
        )


def wavered(output: str) -> bool:
    """Whether Helm gave up on something that had been ready a moment before, as a probe that timed out makes it.

    Once all is ready Helm ends its wait and looks again; what is not ready then is called a failure, however much time
    is left (`statusWaiter.wait` in helm.sh/helm/v4/pkg/kube).

    Args:
        output: What Helm said.
    """
    return "not ready. status: InProgress" in output and "context deadline exceeded" not in output


def last_words(output: str) -> str:
    """What Helm said in the end, without its log lines."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    told = [line for line in lines if line.startswith("Error:")] or lines[-1:]
    return " ".join(told).removeprefix("Error: ") or "no message"
