"""Purge leaves the machine as it was. Destroys the embedded cluster and builds it anew: run it last."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from local import footprint, kubeconfig, processes
from tests.cluster.local.conftest import ready
from tests.support import live

if TYPE_CHECKING:
    from local.cluster import EmbeddedCluster

pytestmark = [pytest.mark.cluster, pytest.mark.purge]


def workload(image: str) -> None:
    """A pod with a volume, a node port and a load balancer: all that leaves traces."""
    pod = live.restricted_pod("web", "default", image, volumeMounts=[{"name": "data", "mountPath": "/data"}])
    pod["spec"]["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod["spec"]["containers"][0]["ports"] = [{"containerPort": 8080, "hostPort": 18099}]
    live.apply(
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "default"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}},
        },
        pod,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    )
    ready("web", "default")


@pytest.mark.parametrize(
    "kill_first", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["running", "all-killed"]
)
def test_purge_leaves_no_trace(machine: EmbeddedCluster, web_image: str, kill_first: bool) -> None:
    machine.purge()
    before = footprint.take()
    machine.up()
    try:
        workload(web_image)
        during = before.difference(footprint.take())
        # The comparison sees what it should see.
        assert {"processes", "mounts", "interfaces", "rules", "sysctls", "cgroups", "files"} <= set(during)
        if kill_first:
            for process in processes.find():
                if process.main:
                    os.kill(process.pid, signal.SIGKILL)
        machine.purge()
        assert before.difference(footprint.take()) == {}
        assert machine.status().phase == "absent"
        machine.purge()  # nothing there is no error
    finally:
        machine.up()


OTHER = """\
apiVersion: v1
kind: Config
# mine
clusters: []
users: []
contexts:
- name: work
  context: {cluster: c, user: u}
current-context: work
"""


def test_purge_keeps_the_users_other_contexts(
    machine: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("kube") / "config"
    path.write_text(OTHER, encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    machine.up()
    text = path.read_text(encoding="utf-8")
    assert kubeconfig.user_file() == path
    assert "name: slipway" in text
    assert "current-context: work" in text
    machine.purge()
    left = path.read_text(encoding="utf-8")
    assert "slipway" not in left
    assert "name: work" in left
    assert "# mine" in left
    monkeypatch.delenv("KUBECONFIG")
    machine.up()
