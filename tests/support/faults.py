"""Breaks the embedded cluster's parts on purpose, and measures what that costs and how long until it is over."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local import components, debian, iptables, paths, processes, record, settings, teardown, toolchain
from local.cluster import EmbeddedCluster
from local.configuration import CGROUP
from local.machine import cgroup_mounts
from tests.support import live

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

    from tests.support.load import Load

REPORT = os.environ.get("SLIPWAY_TEST_REPORT", "")
# What comes after the last pod is ready: old pods go through their grace period.
SETTLE_SECONDS = 7


@dataclass
class Observed:
    """What a fault came to."""

    fault: str
    tried: int = 1
    requests: int = 0
    lost: list[str] = field(default_factory=list[str])
    written: int = 0
    missing: int = 0
    recovery_s: list[float] = field(default_factory=list[float])

    def tell(self) -> None:
        """Print it, and append it to the file that SLIPWAY_TEST_REPORT names."""
        rounded = [round(seconds, 1) for seconds in self.recovery_s]
        load = os.getloadavg()[0]
        line = {**asdict(self), "lost": len(self.lost), "recovery_s": rounded, "load": round(load, 1)}
        print(json.dumps(line), *self.lost[:5], sep="\n  ")
        if REPORT:
            with Path(REPORT).open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")

    def under(self, *loads: Load) -> None:
        """Take over what clients saw."""
        self.requests += sum(load.requests for load in loads)
        self.lost += [failure for load in loads for failure in load.failures]


@contextmanager
def timed(observed: Observed) -> Generator[None]:
    """Note how long the block took, as one recovery."""
    started = time.monotonic()
    yield
    observed.recovery_s.append(time.monotonic() - started)


@contextmanager
def unnoticed(fault: str, *loads: Load, tried: int = 1) -> Generator[Observed]:
    """Clients ask as long as the block goes on; it is told what they saw, and not one request of theirs was lost."""
    observed = Observed(fault, tried)
    with ExitStack() as asking:
        for load in loads:
            asking.enter_context(load)
        yield observed
    observed.under(*loads)
    observed.tell()
    assert observed.lost == []


def pids() -> dict[str, int]:
    """The process of each component that runs."""
    return {process.component: process.pid for process in processes.find() if process.main}


def kill(component: str) -> None:
    """SIGKILL a component of the cluster, and see it end."""
    os.kill(pids()[component], signal.SIGKILL)
    live.wait_for(lambda: component not in pids(), 5, f"the end of {component}")


def repair() -> None:
    """`slipway local up`, as a person runs it; everything is as it should be afterwards."""
    done = subprocess.run([str(live.SLIPWAY), "local", "up"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    status = EmbeddedCluster().status()
    assert status.phase == "ready", status


def container_process(namespace: str, pod: str, container: str | None = None) -> int:
    """The first process of a pod's container, as this machine numbers it."""
    (found,) = live.get("pod", pod, "-n", namespace)
    statuses = found["status"]["containerStatuses"]
    (number,) = [
        status["containerID"].rpartition("//")[2]
        for status in statuses
        if container in (None, status["name"]) and "running" in status["state"]
    ][:1]
    for mount in cgroup_mounts():
        for listing in (mount / CGROUP).rglob(f"{number}/cgroup.procs"):
            for pid in map(int, listing.read_text(encoding="ascii").split()):
                if _number_inside(pid) == 1:
                    return pid
    raise AssertionError(f"container {container} of {namespace}/{pod} has no first process")


def _number_inside(pid: int) -> int:
    """A process' number in its own namespace; 0 for one that has ended."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    numbers = next((line.split()[1:] for line in text.splitlines() if line.startswith("NSpid:")), ["0"])
    return int(numbers[-1])


def ready(namespace: str, *selectors: str) -> list[str]:
    """Names of the pods that are ready and stay, by age."""
    labels = ("-l", ",".join(selectors)) if selectors else ()
    pods = sorted(live.get("pods", "-n", namespace, *labels), key=lambda pod: pod["metadata"]["creationTimestamp"])
    return [
        pod["metadata"]["name"]
        for pod in pods
        if "deletionTimestamp" not in pod["metadata"]
        and any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))
    ]


def least_restarted(namespace: str, *selectors: str) -> str:
    """The ready pod whose containers were restarted least: Kubernetes waits longer and longer before each restart."""
    names = ready(namespace, *selectors)
    pods = [pod for pod in live.get("pods", "-n", namespace) if pod["metadata"]["name"] in names]
    counts = {p["metadata"]["name"]: sum(s["restartCount"] for s in p["status"]["containerStatuses"]) for p in pods}
    return min(counts, key=lambda name: counts[name])


def all_well(namespaces: Sequence[str]) -> bool:
    """Whether every controller in these namespaces has all its pods, up to date and ready, and no pod is going."""
    items = live.get("deployments,statefulsets,daemonsets,pods", "-A")
    return all(_is_well(item) for item in items if item["metadata"]["namespace"] in namespaces)


def _is_well(item: Mapping[str, Any]) -> bool:
    if item["kind"] == "Pod":
        return live.stays(item)
    status, wanted = item["status"], item["spec"].get("replicas", 1)
    if item["kind"] == "DaemonSet":
        wanted = status.get("desiredNumberScheduled", 1)
        there = min(status.get("numberReady", 0), status.get("updatedNumberScheduled", wanted))
    else:
        there = min(status.get("readyReplicas", 0), status.get("updatedReplicas", wanted))
    return there >= wanted and status.get("observedGeneration", 0) >= item["metadata"]["generation"]


def wait_well(namespaces: Sequence[str], seconds: float = 180) -> None:
    """Wait until `all_well`."""
    live.wait_for(lambda: all_well(namespaces), seconds, f"all pods of {', '.join(namespaces)}")


def namespaces_of(stack: live.LiveStack) -> list[str]:
    """The stack's namespaces."""
    return [item["metadata"]["name"] for item in stack.objects("namespaces")]


def reboot() -> None:
    """What a power cut and the start after it do, short of the power: processes and pods are killed at once, mounts,
    interfaces, packet filter rules and cgroups are gone, /run is empty, the kernel is new; files stay."""
    packages = debian.cached()
    assert packages is not None
    end = time.monotonic() + 20
    while doomed := {*(process.pid for process in processes.find()), *teardown.in_our_cgroups()}:
        assert time.monotonic() < end, f"these do not end: {doomed}"
        for pid in doomed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    for point in teardown.our_mounts():
        subprocess.run(["umount", "--lazy", point], check=False)
    for bridge in (settings.POD_BRIDGE, settings.BRIDGE):
        for member in Path(f"/sys/class/net/{bridge}/brif").glob("*"):
            subprocess.run(["ip", "link", "delete", member.name], check=False)
        subprocess.run(["ip", "link", "delete", bridge], check=False)
    before = record.load()
    assert before is not None
    iptables.clear(packages, before.chains, before.nft_tables)
    for mount in cgroup_mounts():
        groups = [path for path in (mount / CGROUP).rglob("*") if path.is_dir()]
        for group in sorted(groups, key=lambda path: len(path.parts), reverse=True):
            group.rmdir()
    subprocess.run(["rm", "-rf", "--one-file-system", str(paths.RUN)], check=True)


@contextmanager
def cordoned() -> Generator[None]:
    """The node takes no new pods."""
    live.kubectl("cordon", settings.NODE)
    try:
        yield
    finally:
        live.kubectl("uncordon", settings.NODE)


@cache
def _context() -> ssl.SSLContext:
    """Asks by address, where no certificate can fit; who answers for a name is asked by the tests of HTTPS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def body(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5, context=_context() if url.startswith("https:") else None) as response:
        return response.read().decode().strip()


def answers(url: str) -> bool:
    """Whether `url` answers with success."""
    return says(url, "")


def says(url: str, text: str) -> bool:
    """Whether `url` answers with success, and the text is in it."""
    try:
        return text in body(url)
    except OSError:
        return False


def speaks(url: str) -> bool:
    """Whether somebody answers at `url`, were it that the host is unknown: an ingress wants another name."""
    try:
        body(url)
    except urllib.error.HTTPError as error:
        return error.code == 404
    except OSError:
        return False
    return True


def readers() -> list[tuple[str, str]]:
    """Namespace and name of the pods that ask the API server."""
    return [
        (pod["metadata"]["namespace"], pod["metadata"]["name"])
        for pod in live.get("pods", "-A")
        if any("projected" in volume for volume in pod["spec"].get("volumes", []))
        and "deletionTimestamp" not in pod["metadata"]
    ]


def start(component: str, files: Mapping[Path, str]) -> None:
    """Start a component with other configuration files than `slipway local up` would write."""
    packages = debian.cached()
    assert packages is not None
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    tools = {name: toolchain.tool(name) for name in components.TOOLS}
    processes.start(components.build(tools, packages)[component], paths.LOG / f"{component}.log")
