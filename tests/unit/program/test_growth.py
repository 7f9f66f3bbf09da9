"""What makes a render long, counted at two sizes: twice the stack is twice the work, not four times."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import pytest

from bench.parts.render import same_resources
from bench.programs import flat, run_flat
from bench.programs.workloads import PER_NAMESPACE, make
from ops.render.monitor import Record, RecordingMonitor
from ops.render.placeholders import output_types, placeholder
from ops.render.program import record, run
from stacks.stack_file import StackConfig
from tests.support import cases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

SMALL, LARGE = 10, 40
PER_WORKLOAD = 4
"""Deployment, Service, disruption budget, and the component around them."""
PER_SPACE = 5
"""Namespace, quota, limits, network policy, and the component around them."""
ONCE = 3
"""The stack, the cluster and its provider."""
WAITED_PER_RESOURCE = 10


def values(item: Any) -> int:
    """How many texts, numbers and truths a value holds."""
    if isinstance(item, dict):
        return sum(values(member) for member in item.values())  # pyright: ignore[reportUnknownVariableType]
    if isinstance(item, list):
        return sum(values(member) for member in item)  # pyright: ignore[reportUnknownVariableType]
    return 1


class CountingMonitor(RecordingMonitor):
    """Counts what it answers."""

    def __init__(self) -> None:
        super().__init__()
        self.given = 0
        self.answered = 0

    def _outputs(self, record: Record) -> dict[str, Any]:
        outputs = super()._outputs(record)
        self.given += values(record.inputs)
        self.answered += values(outputs)
        return outputs


def rendered(count: int) -> CountingMonitor:
    """A run of the program of so many workloads."""
    monitor = CountingMonitor()
    config = StackConfig(project="slipway", stack="growth", source="test", values={}, secret_keys=())
    run(monitor, config, lambda: make(count))
    return monitor


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tasks each `asyncio.wait` was given: it hangs a callback on every one and takes it off again."""
    counts: list[int] = []
    original: Callable[..., Any] = asyncio.wait

    def wait(tasks: Iterable[Any], **options: Any) -> Any:
        given = list(tasks)
        counts.append(len(given))
        return original(given, **options)

    monkeypatch.setattr(asyncio, "wait", wait)
    return counts


@pytest.mark.parametrize("count", [SMALL, LARGE])
def test_resources_per_workload(count: int) -> None:
    spaces = -(-count // PER_NAMESPACE)
    assert len(rendered(count).records) == ONCE + spaces * PER_SPACE + count * PER_WORKLOAD


def test_waiting_is_linear(waited: list[int]) -> None:
    per_resource: list[float] = []
    for count in (SMALL, LARGE):
        waited.clear()
        resources = len(rendered(count).records)
        per_resource.append(sum(waited) / resources)
    # Without the turn of the loop that `run` waits for: 167 a resource in the small stack and 194 in the large one.
    assert max(per_resource) <= WAITED_PER_RESOURCE, per_resource


def test_answers_are_linear_and_hold_little_beside_what_was_given() -> None:
    small, large = rendered(SMALL), rendered(LARGE)
    shares = [monitor.answered / len(monitor.records) for monitor in (small, large)]
    assert shares[1] == pytest.approx(shares[0], rel=0.1)
    # The outputs that nobody gave (a status, names and numbers that the server adds) are not many times what was given.
    assert large.answered < 4 * large.given


def test_a_pods_affinity_is_not_made_up_but_a_node_port_is() -> None:
    service = output_types("kubernetes:core/v1:Service")
    spec = placeholder("web", "spec", service["spec"], {"ports": [{"port": 80}]})
    assert spec["ports"][0] == {**spec["ports"][0], "port": 80, "nodePort": "${web.spec.ports[0].nodePort}"}
    assert spec["clusterIP"] == "${web.spec.clusterIP}"
    deployment = output_types("kubernetes:apps/v1:Deployment")
    pod = placeholder("web", "spec", deployment["spec"], {"template": {"spec": {"containers": [{"name": "a"}]}}})
    assert "affinity" not in pod["template"]["spec"]
    assert pod["template"]["spec"]["containers"][0]["name"] == "a"


def test_what_nobody_gave_is_made_up_as_deep_as_an_address() -> None:
    service = output_types("kubernetes:core/v1:Service")
    status = placeholder("web", "status", service["status"])
    assert status["loadBalancer"]["ingress"][0]["ip"] == "${web.status.loadBalancer.ingress[0].ip}"


def test_a_run_that_fails_tells_its_error_once(capfd: pytest.CaptureFixture[str]) -> None:
    def twice() -> None:
        import pulumi_kubernetes as kubernetes

        for namespace in ("a", "b"):
            kubernetes.core.v1.ConfigMap("same", metadata={"name": "same", "namespace": namespace})

    config = StackConfig(project="slipway", stack="growth", source="test", values={}, secret_keys=())
    with pytest.raises(ValueError, match="two resources have the URN"):
        run(RecordingMonitor(), config, twice)
    gc.collect()
    assert "never retrieved" not in capfd.readouterr().err


@pytest.mark.parametrize("stack", cases.stack_names())
def test_the_flat_program_of_the_benchmark_is_the_same_work(stack: str, tmp_path: Path) -> None:
    ours = record(cases.case(stack))
    file = tmp_path / "flat.py"
    file.write_text(flat.source(ours), encoding="utf-8")
    assert same_resources(ours, run_flat.record(file, stack)) == []
    assert "class " not in file.read_text()
