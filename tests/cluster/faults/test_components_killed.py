"""The cluster's own processes end, one after the other: apps go on answering, `slipway local up` puts it right."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest

from local import components
from tests.support import faults, live, variants
from tests.support.faults import SETTLE_SECONDS
from tests.support.load import Load

if TYPE_CHECKING:
    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster

NAMESPACE, APP = "h2o", "h2o-example"
# That each of the nine is brought back is seen in tests/cluster/local; here, that nobody misses it meanwhile.
NAMED = ("kubelet", "containerd", "etcd")
# The kubelet: longer than the node may be silent before its pods are called unready (50 s by the controller manager's
# default). Without etcd nobody draws conclusions.
LONG = (("kubelet", 75), ("etcd", 20))
AWAY = [
    *(pytest.param(name, 2, marks=() if name in NAMED else pytest.mark.soak) for name in components.NAMES),
    *(pytest.param(*one, marks=pytest.mark.soak) for one in LONG),
]


@pytest.fixture(scope="module")
def url(urls: dict[str, str]) -> str:
    return urls[APP]


@pytest.mark.parametrize(("name", "seconds"), AWAY)
def test_apps_answer_without_it_and_up_brings_it_back(url: str, name: str, seconds: int) -> None:
    with faults.unnoticed(f"{name} killed, for {seconds} s", Load(url, fresh_clients=1)) as observed:
        faults.kill(name)
        time.sleep(seconds)
        with faults.timed(observed):
            faults.repair()
        # What was believed of the node meanwhile is acted upon now, if at all.
        time.sleep(15 if (name, seconds) in LONG else 1)
    # It does its work again: a pod is replaced, gets its image, its address, its endpoint.
    live.kubectl("delete", "pod", faults.ready(NAMESPACE)[0], "-n", NAMESPACE, "--wait=false")


@pytest.mark.soak
def test_everything_but_the_pods_killed_at_once(url: str, places: list[str]) -> None:
    with faults.unnoticed("all nine components killed at once", Load(url, fresh_clients=1)) as observed:
        for pid in faults.pids().values():
            os.kill(pid, 9)
        live.wait_for(lambda: not faults.pids(), 10, "the end of all components")
        with faults.timed(observed):
            faults.repair()
            faults.wait_well(places)
        time.sleep(2)


def _replaced(before: list[str]) -> bool:
    now = faults.ready("kube-system", "k8s-app=kube-dns")
    return len(now) == len(before) and before[0] not in now


def test_dns_killed_and_gone(url: str, urls: dict[str, str]) -> None:
    guestbook = f"{urls['guestbook-frontend']}/guestbook.php?cmd=get&key=messages"
    by_name = Load(guestbook, fresh_clients=1, kept_clients=0)
    with faults.unnoticed("CoreDNS deleted", Load(url, fresh_clients=1), by_name, tried=2) as observed:
        for _ in range(observed.tried):
            time.sleep(1)
            before = faults.ready("kube-system", "k8s-app=kube-dns")
            live.kubectl("delete", "pod", before[0], "-n", "kube-system", "--wait=false")
            with faults.timed(observed):
                live.wait_for(partial(_replaced, before), 60, "another pod of CoreDNS")
        time.sleep(SETTLE_SECONDS)
    with faults.unnoticed("CoreDNS scaled to none, then `slipway local up`", Load(url, fresh_clients=1)) as gone:
        live.kubectl("scale", "deployment/coredns", "-n", "kube-system", "--replicas=0")
        live.wait_for(lambda: not live.get("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns"), 60, "the end of DNS")
        assert not faults.answers(guestbook)
        with faults.timed(gone):
            faults.repair()
            live.wait_for(lambda: faults.answers(guestbook), 60, "names to be found")


def test_the_registry_away_during_a_rollout(dev: LiveStack, url: str) -> None:
    """A tag that no node has, rolled out while the registry is down: what runs serves on, the rest comes by itself."""
    tag = f"away-{time.time_ns():x}"
    variants.good(tag)
    patch = ["set", "image", "deployment/h2o-example", "-n", NAMESPACE]
    story = "the registry killed, then a new image rolled out"
    with faults.unnoticed(story, Load(url, fresh_clients=1)) as observed:
        faults.kill("registry")
        refused = dev.run("up", check=False)
        assert refused.returncode == 1
        assert "registry" in refused.stderr
        live.kubectl(*patch, f"h2o-example=localhost:5000/h2o:{tag}")
        live.wait_for(lambda: "ImagePull" in str(live.get("pods", "-n", NAMESPACE)), 60, "a pull that fails")
        with faults.timed(observed):
            faults.repair()
            faults.wait_well([NAMESPACE])
        assert faults.body(url) == f"Served by h2o, release {tag}"
        live.kubectl("rollout", "undo", "deployment/h2o-example", "-n", NAMESPACE)
        faults.wait_well([NAMESPACE])
        time.sleep(SETTLE_SECONDS)
