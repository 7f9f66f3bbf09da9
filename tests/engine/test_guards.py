"""What is refused before anything is changed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support import footprint, live

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = [pytest.mark.engine, pytest.mark.cluster, pytest.mark.usefixtures("machine")]

NOWHERE = """\
apiVersion: v1
kind: Config
clusters: [{name: nowhere, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: nobody, user: {}}]
contexts: [{name: nowhere, context: {cluster: nowhere, user: nobody}}]
current-context: nowhere
"""


@pytest.fixture(scope="module")
def never_made(tmp_path_factory: pytest.TempPathFactory) -> LiveStack:
    """A stack of these tests; none of them gets so far that something is made."""
    stack = live.make(tmp_path_factory.mktemp("guards") / "project", "gua", "gua", 30680)
    stack.run("down", "--by-label")
    return stack


@pytest.fixture
def absent(never_made: LiveStack) -> Iterator[LiveStack]:
    """The stack, not there before and after."""
    yield never_made
    assert footprint.objects(never_made) == set()


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for next to nothing."""
    directory = tmp_path / "tiny"
    directory.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(directory)], check=True)
    yield directory
    subprocess.run(["umount", str(directory)], check=True)


@pytest.mark.parametrize(
    ("context", "said"),
    [("nowhere", "cluster local (context nowhere) does not answer"), ("else", "context else cannot be used")],
)
def test_a_kubeconfig_pointing_nowhere(context: str, said: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(NOWHERE, encoding="utf-8")
    stack = live.make(tmp_path / "project", "lost", "lost", 30680)
    done = stack.run("up", check=False, env={"KUBE_CONTEXT": context, "KUBECONFIG": str(kubeconfig)})
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("variable", ["TMPDIR", "XDG_DATA_HOME"])
def test_a_full_disk_changes_nothing(absent: LiveStack, tiny_disk: Path, variable: str) -> None:
    done = absent.run("up", check=False, env={variable: str(tiny_disk)})
    assert done.returncode == 1
    assert "no space left to write" in done.stderr


def test_a_node_port_of_somebody_else(absent: LiveStack) -> None:
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "theirs", "namespace": "default"},
        "spec": {"type": "NodePort", "selector": {"app": "x"}, "ports": [{"port": 80, "nodePort": 30680}]},
    }
    live.kubectl("apply", "-f", "-", document=service)
    try:
        done = absent.run("up", check=False)
    finally:
        live.kubectl("delete", "service/theirs", "-n", "default")
    assert done.returncode == 1
    assert "30680, wanted for gua-h2o/h2o-example, is default/theirs's" in done.stderr


@pytest.mark.slow
def test_a_namespace_of_somebody_else(absent: LiveStack) -> None:
    live.kubectl("create", "namespace", "gua-nginx")
    try:
        done = absent.run("up", check=False)
        assert done.returncode == 1
        assert "somebody else made the namespaces gua-nginx" in done.stderr
        assert "nothing to remove" in absent.run("down").stdout
        assert live.get("namespace", "gua-nginx")
    finally:
        live.kubectl("delete", "namespace", "gua-nginx")
