"""A disk that is full: under a store, under etcd, and as the kubelet sees it."""

from __future__ import annotations

import shutil
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from local import configuration, paths, processes
from tests.cluster.faults.test_acknowledged_writes import MAKERS, settled
from tests.support import faults, live, small_disk
from tests.support.faults import Observed
from tests.support.load import Load
from tests.support.writers import Writer

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.live import LiveStack
    from tests.support.writers import Store

pytestmark = [pytest.mark.cluster, pytest.mark.soak]

FULL_SECONDS = 15


def volume(store: Store) -> Path:
    """The directory of a store's volume on this machine."""
    (claim,) = live.get("pvc", f"data-{store.pod}", "-n", store.namespace)
    (found,) = configuration.VOLUMES.glob(f"{claim['spec']['volumeName']}*")
    return found


def scale(stores: list[Store], replicas: int) -> None:
    for store in stores:
        name = store.pod.removesuffix("-0")
        live.kubectl("scale", f"statefulset/{name}", "-n", store.namespace, f"--replicas={replicas}")
    for store in stores:
        live.wait_for(
            lambda store=store: (
                (store.pod in faults.ready(store.namespace)) == (replicas > 0)
                and (replicas > 0 or not live.get("pod", store.pod, "-n", store.namespace))
            ),
            90,
            f"{replicas} of {store.pod}",
        )


def test_what_a_store_acknowledged_before_its_disk_was_full_is_there() -> None:
    stores = {name: make() for name, make in MAKERS.items()}
    found, recoveries = {name: Writer(store) for name, store in stores.items()}, dict[str, list[float]]()
    scale(list(stores.values()), 0)
    with ExitStack() as disks:
        mounted = [disks.enter_context(small_disk.instead_of(volume(s), 24 * small_disk.MB)) for s in stores.values()]
        # The last that happens before the disks are taken away again.
        disks.callback(scale, list(stores.values()), 0)
        scale(list(stores.values()), 1)
        with ExitStack() as running:
            for writer in found.values():
                running.enter_context(writer).progress()
            for disk in mounted:
                disk.fill()
            time.sleep(FULL_SECONDS)
            for disk in mounted:
                disk.make_room()
            started = time.monotonic()
            for name, writer in found.items():
                writer.progress(5, 180)
                recoveries[name] = [time.monotonic() - started]
        settled(found, f"with its disk full for {FULL_SECONDS} s", recoveries, 1)
    scale(list(stores.values()), 1)
    assert {name: writer.missing() for name, writer in found.items()} == {name: set() for name in found}


def test_etcd_with_a_full_disk_keeps_what_the_api_acknowledged(urls: dict[str, str], places: list[str]) -> None:
    url = urls["h2o-example"]
    namespace, acknowledged = f"full-{time.time_ns():x}", list[str]()
    live.kubectl("create", "namespace", namespace)
    blob = "x" * 500_000

    def write() -> bool:
        name = f"c{len(acknowledged)}"
        document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}}
        done = live.kubectl("create", "-f", "-", document={**document, "data": {"blob": blob}}, check=False)
        if done.returncode == 0:
            acknowledged.append(name)
        return done.returncode == 0

    with faults.unnoticed("etcd's disk full", Load(url, fresh_clients=1)) as observed:
        processes.stop([faults.pids()["etcd"]])
        with small_disk.instead_of(paths.STATE / "etcd", 40 * small_disk.MB) as disk:
            try:
                faults.repair()
                assert write()
                disk.fill()
                live.wait_for(lambda: not write(), 60, "a write that is refused")
                # It ends by itself: what cannot be written down is not acknowledged.
                live.wait_for(lambda: "etcd" not in faults.pids() or not write(), 30, "etcd's end")
                disk.make_room()
                with faults.timed(observed):
                    faults.repair()
                assert write()
            finally:
                processes.stop(pid for name, pid in faults.pids().items() if name == "etcd")
        faults.repair()
        kept = {item["metadata"]["name"] for item in live.get("configmaps", "-n", namespace)}
        live.kubectl("delete", "namespace", namespace, "--wait=false")
        faults.wait_well(places)
        observed.written, observed.missing = len(acknowledged), len(set(acknowledged) - kept)
    assert observed.missing == 0


def test_a_node_short_of_disk_evicts_and_recovers(dev: LiveStack, places: list[str]) -> None:
    """The kubelet is told that what is free now is too little: the same to it as a full disk."""
    observed = Observed("the kubelet short of disk (pods evicted)")
    config = configuration.path("kubelet.yaml")
    text = config.read_text(encoding="utf-8")
    assert "nodefs.available: 500Mi" in text
    disk = shutil.disk_usage(paths.STATE)
    # More than is free, less than there is: the kubelet refuses to keep back more than the disk.
    wanted = (disk.free + disk.total) // 2
    faults.kill("kubelet")
    faults.start("kubelet", {config: text.replace("nodefs.available: 500Mi", f"nodefs.available: '{wanted}'")})
    live.wait_for(lambda: evicted(places), 90, "an eviction")
    with faults.timed(observed):
        faults.repair()
        faults.wait_well(places, 400)
    observed.tell()
    assert all(app["ready"] == app["desired"] for app in dev.apps().values())
    for namespace, pod in evicted(places):
        live.kubectl("delete", "pod", pod, "-n", namespace)


def evicted(namespaces: list[str]) -> list[tuple[str, str]]:
    """Pods that the kubelet has put out."""
    return [
        (namespace, pod["metadata"]["name"])
        for namespace in namespaces
        for pod in live.get("pods", "-n", namespace)
        if pod["status"].get("reason") == "Evicted"
    ]
