"""A run that waited for its turn does not apply what the stack file said before."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import paths
from local.progress import SilentProgress
from ops.engines import helm, pulumi
from ops.errors import BusyError
from ops.stack import Stack, load
from tests.support import live

if TYPE_CHECKING:
    from tests.support.programs import FakeProgram


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    live.make(tmp_path, "mine", "mine", 30900)
    monkeypatch.setenv("SLIPWAY_PROJECT", str(tmp_path))
    paths.KUBECONFIG.touch()
    return load("mine", SilentProgress())


def test_an_unchanged_file_is_applied(stack: Stack) -> None:
    stack.refuse_changed()


@pytest.mark.parametrize("engine", [helm.HelmEngine(), pulumi.PulumiEngine(Path("/nowhere/pulumi"))])
def test_a_file_that_was_changed_meanwhile_is_not(
    fake_kubectl: FakeProgram, stack: Stack, engine: helm.HelmEngine | pulumi.PulumiEngine
) -> None:
    live.LiveStack(stack.name, stack.directory).settings(h2o_example={"revision": "2"})
    with pytest.raises(BusyError, match=r"Pulumi\.mine\.yaml was changed while this run waited"):
        engine.up(stack, 10)
    assert not [call.line for call in fake_kubectl.calls if "apply" in call.line]
