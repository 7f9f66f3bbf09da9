"""Pods that trust an authority which is not the cluster's any more, because it was made anew after they had started.

Kubernetes hands every namespace the new authority (the ConfigMap `kube-root-ca.crt`), and the kubelet puts it into the
pods' files, but most programs read it once, at their start.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import TYPE_CHECKING, Any

from local import paths, pki
from local.errors import LocalError

if TYPE_CHECKING:
    import threading

    from local.api import Api

_BUNDLE = "kube-root-ca.crt"
_PATIENCE = 60.0


def restart_outdated(api: Api, cancelled: threading.Event) -> list[str]:
    """Remove the pods that hold the old authority; their controllers make new ones.

    Judged by what is there, not by what this run did: a run that was killed in between is made up for by the next.

    Args:
        api: a connection to the API server.
        cancelled: set by somebody who no longer wants to wait.

    Returns:
        `namespace/name` of each pod.

    Raises:
        LocalError: the controller manager did not hand out the new authority.
    """
    pods = (api.get("/api/v1/pods") or {"items": []})["items"]
    made = pki.made_at(paths.PKI, "ca")
    outdated = [(pod["metadata"]["namespace"], pod["metadata"]["name"]) for pod in pods if is_outdated(pod, made)]
    for namespace in sorted({namespace for namespace, _ in outdated}):
        _wait_for_bundle(api, namespace, cancelled)
    for namespace, name in outdated:
        api.delete(f"/api/v1/namespaces/{namespace}/pods/{name}")
    return [f"{namespace}/{name}" for namespace, name in outdated]


def is_outdated(pod: dict[str, Any], made: dt.datetime) -> bool:
    """Whether a pod asks the API, started before the authority was made, and has a controller that replaces it."""
    started = pod["status"].get("startTime")
    if started is None or "deletionTimestamp" in pod["metadata"]:
        return False
    owned = any(owner.get("controller") for owner in pod["metadata"].get("ownerReferences", []))
    sources = [
        source for volume in pod["spec"].get("volumes", []) for source in volume.get("projected", {}).get("sources", [])
    ]
    trusts = any(source.get("configMap", {}).get("name") == _BUNDLE for source in sources)
    return owned and trusts and dt.datetime.fromisoformat(started) < made


def _wait_for_bundle(api: Api, namespace: str, cancelled: threading.Event) -> None:
    wanted = pki.certificate(paths.PKI, "ca").read_text(encoding="ascii").strip()
    deadline = time.monotonic() + _PATIENCE
    while True:
        found = api.get(f"/api/v1/namespaces/{namespace}/configmaps/{_BUNDLE}")
        if found is not None and found["data"]["ca.crt"].strip() == wanted:
            return
        if time.monotonic() > deadline or cancelled.is_set():
            raise LocalError(
                f"the cluster's new certificate authority did not reach the namespace {namespace} within "
                f"{_PATIENCE:.0f} s; look into {paths.LOG / 'kube-controller-manager.log'}"
            )
        cancelled.wait(0.1)
