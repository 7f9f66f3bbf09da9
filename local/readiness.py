"""Whether the cluster really works.

After a restart the API still shows the status from before (etcd keeps it), so nothing here trusts a stored "Ready"
alone: the node's lease must be fresh, a DNS question must be answered through the Service's address, and what the API
calls running must run in the container runtime.
"""

from __future__ import annotations

import datetime as dt
import subprocess
import time
from typing import TYPE_CHECKING, Any

from local import addons, probe, runtime, settings
from local.errors import LocalError

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from pathlib import Path

    from local.api import Api

# The kubelet renews its lease every ten seconds.
_LEASE_AGE = dt.timedelta(seconds=25)
_PATIENCE = 120.0


def wait(api: Api, cri: Path, cancelled: threading.Event, patience: float = _PATIENCE) -> None:
    """Wait until node, DNS and add-ons work.

    Args:
        api: a connection to the API server.
        cri: the program that asks the container runtime.
        cancelled: set by somebody who no longer wants to wait.
        patience: seconds to wait at most.

    Raises:
        LocalError: something does not work in time; the message says what.
    """
    checks: list[Callable[[], str | None]] = [
        lambda: node_problem(api),
        lambda: stale_problem(api, cri),
        *((lambda name=name: deployment_problem(api, name)) for name in addons.DEPLOYMENTS),
        dns_problem,
        lambda: metrics_problem(api),
    ]
    deadline = time.monotonic() + patience
    for check in checks:
        while (problem := check()) is not None:
            if time.monotonic() > deadline or cancelled.is_set():
                raise LocalError(
                    f"the cluster started but does not work after {patience:.0f} s: {problem}\n"
                    "Look with `kubectl --context slipway -n kube-system get pods`; `slipway local up` tries again"
                )
            cancelled.wait(0.1)


def node_problem(api: Api, now: dt.datetime | None = None) -> str | None:
    """What is wrong with the node: not there, not heard of lately, not Ready; None when all is well.

    The kubelet is heard through its lease and through its status report; a new node's first lease comes ten seconds
    after its first report.
    """
    node = api.get(f"/api/v1/nodes/{settings.NODE}")
    lease = api.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{settings.NODE}")
    if node is None:
        return f"the node {settings.NODE} is not registered"
    ready = next((c for c in node["status"].get("conditions", []) if c["type"] == "Ready"), None)
    if ready is None:
        return f"the node {settings.NODE} has not reported yet"
    heard = [dt.datetime.fromisoformat(ready["lastHeartbeatTime"])]
    if lease is not None:
        heard.append(dt.datetime.fromisoformat(lease["spec"]["renewTime"]))
    age = (now or dt.datetime.now(dt.UTC)) - max(heard)
    if age > _LEASE_AGE:
        return f"the node {settings.NODE} was last heard of {age.total_seconds():.0f} s ago"
    if ready["status"] != "True":
        return f"the node {settings.NODE} is not ready: {ready.get('message', '')[:300]}"
    return None


def deployment_problem(api: Api, name: str, namespace: str = "kube-system") -> str | None:
    """What is wrong with a deployment; None when its replicas are available."""
    deployment = api.get(f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}")
    if deployment is None:
        return f"the deployment {name} is not there"
    status, wanted = deployment.get("status", {}), deployment["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
        return f"the deployment {name} is not yet looked at"
    if status.get("availableReplicas", 0) < wanted or status.get("updatedReplicas", 0) < wanted:
        return f"the deployment {name} has {status.get('availableReplicas', 0)} of {wanted} pods: {_pods(api, name)}"
    return None


def dns_problem() -> str | None:
    """Ask the cluster's DNS through its Service address: CoreDNS, kube-proxy's rules and the pod network in one."""
    return probe.resolves(settings.DNS_ADDRESS, f"kubernetes.default.svc.{settings.DOMAIN}")


def metrics_problem(api: Api) -> str | None:
    """Whether the aggregated metrics API answers; discovery reports errors until it does."""
    if api.get("/apis/metrics.k8s.io/v1beta1") is None:
        return "the metrics API does not answer"
    return None


def stale_problem(api: Api, cri: Path) -> str | None:
    """Whether the API calls containers running that do not run: status from before a restart."""
    pods = api.get("/api/v1/pods")
    if pods is None:
        return "the API server does not list pods"
    result = subprocess.run(
        [str(cri), "-socket", str(runtime.SOCKET), "-timeout", "5s", "running"],
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        return f"the container runtime does not answer: {result.stderr.strip()[:200]}"
    running = set(result.stdout.split())
    for pod in pods["items"]:
        for name, container in believed_running(pod):
            if container not in running:
                metadata = pod["metadata"]
                return f"the container {name} of pod {metadata['namespace']}/{metadata['name']} is not running yet"
    return None


def believed_running(pod: dict[str, Any]) -> list[tuple[str, str]]:
    """Name and runtime number of the containers that the pod's status calls running, on our node."""
    if pod["spec"].get("nodeName") != settings.NODE:
        return []
    return [
        (status["name"], status["containerID"].rpartition("//")[2])
        for status in pod["status"].get("containerStatuses", [])
        if "running" in status.get("state", {}) and status.get("containerID")
    ]


def _pods(api: Api, name: str) -> str:
    """Why the pods of an add-on wait, in short."""
    pods = api.get("/api/v1/namespaces/kube-system/pods")
    reasons: list[str] = []
    for pod in (pods or {"items": []})["items"]:
        if not pod["metadata"]["name"].startswith(name):
            continue
        for status in pod["status"].get("containerStatuses", []):
            waiting = status.get("state", {}).get("waiting")
            if waiting:
                reasons.append(f"{waiting.get('reason', '')} {waiting.get('message', '')}".strip()[:300])
        reasons.extend(
            f"{condition.get('reason', '')}: {condition.get('message', '')}"[:300]
            for condition in pod["status"].get("conditions", [])
            if condition["type"] == "PodScheduled" and condition["status"] == "False"
        )
    return "; ".join(reasons) or "starting"
