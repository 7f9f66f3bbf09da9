"""What stops the cluster is told before it starts, all in one message."""

from __future__ import annotations

import os
import platform
import shutil
import socket
from typing import TYPE_CHECKING

import pytest

from local import components, preflight
from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTES = """\
Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
k8s0\t0000630A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


@pytest.fixture(name="port")
def busy_port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port of the cluster that this very test listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setattr(components, "PORTS", (("127.0.0.1", port, "etcd"),))
        yield port


def test_a_port_in_use_is_named_with_the_process_that_has_it(port: int) -> None:
    (problem,) = preflight.port_problems(preflight.listeners())
    assert f"port {port}, which etcd needs on 127.0.0.1, is in use by" in problem
    assert f"(process {os.getpid()})" in problem


def test_a_port_on_another_address_is_no_problem(port: int) -> None:
    elsewhere = [preflight.Listener("192.0.2.1", port, "1"), preflight.Listener("127.0.0.1", port + 1, "2")]
    assert preflight.port_problems(elsewhere) == []
    assert len(preflight.port_problems([preflight.Listener("0.0.0.0", port, "1")])) == 1  # noqa: S104 - compared, not bound
    assert len(preflight.port_problems([preflight.Listener("::", port, "1")])) == 1


def test_addresses_are_read_from_the_kernels_tables() -> None:
    loopback = socket.create_server(("127.0.0.1", 0)), socket.create_server(("::1", 0), family=socket.AF_INET6)
    with loopback[0] as four, loopback[1] as six:
        found = {(listener.address, listener.port) for listener in preflight.listeners()}
        assert {("127.0.0.1", four.getsockname()[1]), ("::1", six.getsockname()[1])} <= found


def test_networks_that_overlap_are_named(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(ROUTES, encoding="ascii")
    assert preflight.route_problems(table) == []
    table.write_text(ROUTES + "tun0\t0000F40A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n", encoding="ascii")
    (problem,) = preflight.route_problems(table)
    assert "10.244.0.0/16 on tun0 overlaps with the cluster's 10.244.0.0/22" in problem


def test_a_full_disk_is_told_with_numbers(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    usage = shutil.disk_usage("/")._replace(free=300 * 1024**2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: usage)  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType] - test double
    problems = preflight.space_problems()
    remedy = "make room or set SLIPWAY_CACHE to another disk"
    assert f"{cache} has 0.3 GB of free disk and needs 10 GB; {remedy}" in problems
    assert any(problem.startswith("/var/lib/slipway has 0.3 GB") for problem in problems)


def test_where_embedding_is_impossible_the_message_says_what_to_do_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalError) as caught:
        preflight.check()
    assert "it needs root (this is user 1000); try: sudo make dev" in str(caught.value)
    assert "KUBE_CONTEXT=name make dev (k3s, kind, minikube" in str(caught.value)
    monkeypatch.setattr(platform, "system", lambda: "Darwin")
    with pytest.raises(LocalError, match="it runs Darwin; containers need Linux"):
        preflight.check()


def test_root_without_the_needed_capabilities_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(preflight, "_lacking_capabilities", lambda: ["CAP_NET_ADMIN"])
    assert preflight.embedding_problems() == [
        "root lacks CAP_NET_ADMIN here (a container?); start it with --privileged"
    ]


def test_all_problems_come_in_one_message(monkeypatch: pytest.MonkeyPatch, port: int, cache: Path) -> None:
    monkeypatch.setattr(preflight, "embedding_problems", list[str])
    monkeypatch.setattr(shutil, "which", lambda _name, **_: None)  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType] - test double
    with pytest.raises(LocalError) as caught:
        preflight.check()
    lines = str(caught.value).splitlines()
    assert lines[0] == "the embedded cluster cannot start:"
    assert any(f"port {port}" in line for line in lines)
    assert any("fetched with apt-get, which is missing" in line for line in lines)
    assert not cache.exists()


def test_stopping_needs_root_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LocalError, match="try it with sudo"):
        preflight.check_root()
