"""What is refused before anything is changed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

NOWHERE = """\
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
current-context: nowhere
"""


@pytest.fixture
def absent(own_stack: LiveStack) -> LiveStack:
    """The tests' own stack, not there."""
    own_stack.settings(live.settings("own", 30480))
    own_stack.run("down")
    return own_stack


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for next to nothing."""
    directory = tmp_path / "tiny"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(directory)], check=True)
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


@pytest.mark.parametrize("command", ["up", "preview", "status", "down"])
def test_a_kubeconfig_pointing_nowhere(command: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(NOWHERE, encoding="utf-8")
    stack = live.make(tmp_path / "project", "lost", "lost", 30680, SLIPWAY_ENGINE="helm")
    done = stack.run(command, check=False, env={"KUBE_CONTEXT": "nowhere", "KUBECONFIG": str(kubeconfig)})
    assert done.returncode == 1
    assert "cluster local (context nowhere) does not answer" in done.stderr
    assert done.stdout == ""


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(NOWHERE, encoding="utf-8")
    stack = live.make(tmp_path / "project", "lost", "lost", 30680, SLIPWAY_ENGINE="helm")
    done = stack.run("up", check=False, env={"KUBE_CONTEXT": "else", "KUBECONFIG": str(kubeconfig)})
    assert done.returncode == 1
    assert "context else cannot be used" in done.stderr


def test_a_full_disk_changes_nothing(absent: LiveStack, tiny_disk: Path) -> None:
    done = absent.run("up", check=False, env={"TMPDIR": str(tiny_disk)})
    assert done.returncode == 1
    assert "no space left to write" in done.stderr
    assert absent.objects("namespaces,deployments,services") == []


def test_a_node_port_of_somebody_else(absent: LiveStack) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "theirs", "namespace": "default"},
        "spec": {"type": "NodePort", "selector": {"app": "x"}, "ports": [{"port": 80, "nodePort": 30480}]},
    }
    live.kubectl("apply", "-f", "-", document=service)
    try:
        done = absent.run("up", check=False)
    finally:
        live.kubectl("delete", "service/theirs", "-n", "default")
    assert done.returncode == 1
    assert "30480, wanted for own-h2o/h2o-example, is default/theirs's" in done.stderr
    assert absent.objects("namespaces") == []


def test_a_namespace_of_somebody_else(absent: LiveStack) -> None:
    live.kubectl("create", "namespace", "own-nginx")
    try:
        done = absent.run("up", check=False)
        assert done.returncode == 1
        assert "somebody else made the namespaces own-nginx" in done.stderr
        assert "nothing to remove" in absent.run("down").stdout
        assert live.get("namespace", "own-nginx")
    finally:
        live.kubectl("delete", "namespace", "own-nginx")
    assert absent.objects("namespaces") == []


def test_a_durable_stack_is_not_removed_by_mistake(own: LiveStack) -> None:
    own.settings({"slipway:lifecycle": "durable"})
    own.run("up")
    done = own.run("down", check=False)
    assert done.returncode == 1
    assert "slipway down --stack own --yes-remove-durable own" in done.stderr
    assert own.run("down", "--yes-remove-durable", "other", check=False).returncode == 1
    # The settings alone do not make it removable: what is on the cluster counts as well.
    own.settings({"slipway:lifecycle": "ephemeral"})
    assert own.run("down", check=False).returncode == 1
    assert len(own.pods()) == 4
    own.run("down", "--yes-remove-durable", "own")
    assert own.objects("namespaces") == []


def test_a_stack_of_the_other_engine_is_refused(own: LiveStack) -> None:
    for space in ("own-h2o", "own-nginx"):
        note = "meta.helm.sh/release-name"
        live.kubectl("annotate", "namespace", space, f"{note}-")
    try:
        for command in ("up", "preview", "down"):
            done = own.run(command, check=False)
            assert done.returncode == 1
            assert "was made by Pulumi, and this run uses Helm" in done.stderr
            assert "slipway down --stack own --engine pulumi" in done.stderr
    finally:
        for space in ("own-h2o", "own-nginx"):
            live.kubectl("annotate", "namespace", space, f"{note}=slipway-own", "--overwrite")
    assert own.run("preview").stdout.strip() == "stack own: no changes"
