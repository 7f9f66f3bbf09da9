"""Fixtures of the command line's unit tests: nothing here needs root, a network or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from local import paths
from ops.kube import Access, Kubectl
from ops.render.program import PROJECT_DIR
from tests.support.fake_pulumi import FakePulumi
from tests.support.programs import FakeProgram

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Run = Callable[..., Result]

STACK = """\
# The stack of the tests.
config:
  slipway:lifecycle: ephemeral
  slipway:clusters:
    local:
      kind: existing
      context: test
      nodeAddress: 127.0.0.1
  slipway:apps:
    h2o-example:
      cluster: local
      replicas: 2
      revision: "1" # raise it to roll out
      nodePort: 30080
"""


@pytest.fixture(autouse=True)
def _plain_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this machine leads to a cluster, a state of Pulumi's or a cache."""
    for name in ("KUBE_CONTEXT", "KUBECONFIG", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLIPWAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(paths, "KUBECONFIG", tmp_path / "embedded-kubeconfig")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project directory with one small stack, `dev`."""
    directory = tmp_path / "project"
    directory.mkdir()
    for name in ("Pulumi.yaml", "__main__.py"):
        (directory / name).write_bytes((PROJECT_DIR / name).read_bytes())
    (directory / "Pulumi.dev.yaml").write_text(STACK, encoding="utf-8")
    monkeypatch.setenv("SLIPWAY_PROJECT", str(directory))
    return directory


@pytest.fixture
def fake_kubectl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    """A stand-in that every command uses as kubectl."""
    program = FakeProgram(tmp_path, "kubectl")
    monkeypatch.setenv("SLIPWAY_KUBECTL", str(program.path))
    return program


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    """A stand-in that every command uses as Pulumi's CLI."""
    program = FakePulumi(tmp_path)
    monkeypatch.setenv("PATH", program.cli.environment["PATH"])
    return program


@pytest.fixture
def kubectl(fake_kubectl: FakeProgram) -> Kubectl:
    """kubectl of a cluster `local`, answered by the stand-in."""
    return Kubectl(fake_kubectl.path, "local", Access(None, "test"))


@pytest.fixture
def slipway() -> Run:
    """Runs the command line in this process."""

    def run(*arguments: str) -> Result:
        from ops.app import app

        return CliRunner().invoke(app, list(arguments))

    return run
