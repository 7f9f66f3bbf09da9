"""Pods that end, of which each app has another: nobody notices."""

from __future__ import annotations

import os
import signal
import time

import pytest

from local import settings
from tests.support import faults, live, soak
from tests.support.faults import SETTLE_SECONDS, Observed
from tests.support.load import Load

pytestmark = pytest.mark.cluster

KILLS = 20 if soak.ASKED else 8
APPS = {"h2o-example": "h2o", "nginx": "nginx"}
TRIED = [pytest.param(app, marks=pytest.mark.repeated if app == "nginx" else pytest.mark.soak) for app in APPS]


@pytest.mark.parametrize("app", TRIED)
def test_a_pod_deleted_every_second_loses_no_request(urls: dict[str, str], app: str) -> None:
    namespace = APPS[app]
    with faults.unnoticed(f"a pod of {app} deleted every second", Load(urls[app]), tried=KILLS) as observed:
        time.sleep(1)
        for _ in range(KILLS):
            # The last one is left alone: on a slow machine the next may take longer than a second to start.
            live.wait_for(lambda: len(faults.ready(namespace, f"app={app}")) > 1, 60, "a second pod")
            oldest = faults.ready(namespace, f"app={app}")[0]
            live.kubectl("delete", "pod", oldest, "-n", namespace, "--wait=false")
            time.sleep(1)
        with faults.timed(observed):
            faults.wait_well([namespace])
        time.sleep(1)


def test_a_drain_stops_at_the_budgets_and_the_node_recovers(urls: dict[str, str], places: list[str]) -> None:
    loads = [Load(urls[app], fresh_clients=1) for app in APPS]
    with faults.unnoticed("the node drained, then uncordoned", *loads) as observed:
        with faults.cordoned():
            drained = live.kubectl(
                "drain", settings.NODE, "--ignore-daemonsets", "--delete-emptydir-data", "--timeout=15s",
                "--pod-selector=slipway.dev/stack=dev", check=False,
            )  # fmt: skip
            # Nothing can go elsewhere, so the second pod of each app has to stay.
            assert drained.returncode != 0
            assert "Cannot evict pod as it would violate the pod's disruption budget" in drained.stderr
            for app, namespace in APPS.items():
                assert len(faults.ready(namespace, f"app={app}")) == 1
        with faults.timed(observed):
            faults.wait_well(places)
        time.sleep(SETTLE_SECONDS)


def killed_outright(server: str, load: Load, namespace: str, selector: str, pods: int) -> tuple[Observed, list[float]]:
    """Servers killed with SIGKILL, one after the other; what clients saw, and the moments of the kills."""
    kills = 3 if soak.ASKED else 2
    observed, moments = Observed(f"{server} killed with SIGKILL", kills), list[float]()
    with load:
        time.sleep(1)
        for _ in range(kills):
            faults.wait_well([namespace])
            victim = faults.least_restarted(namespace, selector)
            pid = faults.container_process(namespace, victim)
            moments.append(time.time())
            os.kill(pid, signal.SIGKILL)
            with faults.timed(observed):
                live.wait_for(lambda victim=victim: victim not in faults.ready(namespace), 20, "its end to be seen")
                live.wait_for(lambda: len(faults.ready(namespace, selector)) == pods, 60, "its return")
        time.sleep(1)
    observed.under(load)
    observed.tell()
    return observed, moments


@pytest.mark.slow
@pytest.mark.parametrize("app", TRIED)
def test_a_server_killed_outright_loses_no_more_than_the_node_needs_to_see_it(urls: dict[str, str], app: str) -> None:
    """SIGKILL: what came to the dead one before the kubelet looked (once a second) fails; nothing else does."""
    observed, moments = killed_outright(app, Load(urls[app]), APPS[app], f"app={app}", 2)
    for failure in observed.lost:
        clock = time.mktime(time.strptime(time.strftime("%Y-%m-%d ") + failure.split()[0], "%Y-%m-%d %H:%M:%S"))
        assert any(-1 <= clock - moment <= 4 for moment in moments), (failure, moments)


@pytest.mark.repeated
def test_behind_the_ingress_a_server_killed_outright_is_not_noticed(urls: dict[str, str]) -> None:
    """Traefik sends again what never reached a pod; only a request that the dead one was answering fails."""
    load = Load(urls["local-traefik"], host="debug.example.com")
    observed, moments = killed_outright("behind the ingress", load, "http-debug", "app=http-debug-server", 3)
    # Three clients: at most three requests were being answered by the dead one, or sent on connections to it.
    assert len(observed.lost) <= 3 * len(moments)
    assert all("502" in failure or "RemoteDisconnected" in failure for failure in observed.lost), observed.lost
