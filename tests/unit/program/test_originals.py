"""Every workload fits its image's public original: docs/images.md has what the originals' Dockerfiles say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

from components.versions import IMAGES, by_tag
from local.images import catalog
from tests.support.cases import PROJECT_DIR
from tests.support.data import items, mapping, value
from tests.support.objects import running_containers

if TYPE_CHECKING:
    from tests.support.objects import Workload

HEADER = "| image | original's Dockerfile (source) | user | writable paths | ports | variables | health | signals |"
GRIDDB = "griddb-server"
"""Has a section of its own, not a row."""
CASES = ("everything", "outward", "dev")


@dataclass(frozen=True)
class Original:
    """A row of the table."""

    image: str
    source: str
    user: str
    writable: frozenset[str]
    ports: frozenset[int]
    variables: tuple[str, ...]
    health: frozenset[str]
    signal: str


def originals() -> dict[str, Original]:
    """The table by image."""
    text = (PROJECT_DIR / "docs" / "images.md").read_text(encoding="utf-8")
    rows = text.partition(f"{HEADER}\n")[2].partition("\n\n")[0].splitlines()[1:]
    found: dict[str, Original] = {}
    for row in rows:
        image, source, user, writable, ports, variables, health, signal = (
            cell.strip() for cell in row.strip("|").split("|")
        )
        quoted = [re.findall(r"`([^`]+)`", cell) for cell in (image, writable, variables, health)]
        numbers = frozenset(int(number) for number in re.findall(r"\d+", ports))
        name = quoted[0][0]
        found[name] = Original(
            name, source, user, frozenset(quoted[1]), numbers, tuple(quoted[2]), frozenset(quoted[3]), signal
        )
    return found


ORIGINALS = originals()


def users(image: str) -> list[tuple[Workload, dict[str, Any]]]:
    """The containers that run an image, in any case."""
    wanted = by_tag(IMAGES[catalog.load()[image].pin])
    return [
        (workload, container)
        for case in CASES
        for workload, container in running_containers(case)
        if by_tag(container["image"]) == wanted
    ]


def asked(container: dict[str, Any]) -> set[str]:
    """How the kubelet asks a container: paths, programs, `tcp`."""
    ways: set[str] = set()
    for name in ("readinessProbe", "livenessProbe", "startupProbe"):
        probe = mapping(container, name)
        if "httpGet" in probe:
            ways.add(probe["httpGet"]["path"])
        elif "exec" in probe:
            program, *rest = probe["exec"]["command"]
            ways.add(rest[-1].split()[0] if program == "sh" else program)
        else:
            ways.add("tcp")
    return ways


def test_every_image_with_a_public_original_has_a_row_with_its_source() -> None:
    # What is pinned with a number of our own exists nowhere else.
    pulled = {
        image.name
        for image in catalog.load().values()
        if image.pin and not IMAGES[image.pin].startswith("docker.io/cotoami/")
    }
    assert set(ORIGINALS) == pulled - {GRIDDB}
    assert all("https://github.com/" in original.source for original in ORIGINALS.values())


@pytest.mark.parametrize("original", ORIGINALS.values(), ids=lambda original: original.image)
def test_workloads_fit_the_original(original: Original) -> None:
    found = users(original.image)
    assert found, "no workload uses it"
    for workload, container in found:
        security = mapping(container, "securityContext")
        assert security["readOnlyRootFilesystem"] is True
        assert security["runAsUser"] == int(original.user) if original.user.isdigit() else security["runAsUser"] > 0
        mounts = items(container, "volumeMounts")
        assert {mount["mountPath"] for mount in mounts if not mount.get("readOnly")} == original.writable, workload
        ports = {port["containerPort"] for port in items(container, "ports")}
        assert not original.ports or ports <= original.ports, workload
        names = [variable["name"] for variable in items(container, "env")]
        assert [name for name in names if not any(fnmatch(name, known) for known in original.variables)] == []
        assert asked(container) <= original.health, workload
        low = any(number < 1024 for number in ports)
        sysctls = {entry["name"] for entry in items(mapping(workload.template, "spec", "securityContext"), "sysctls")}
        assert not low or "net.ipv4.ip_unprivileged_port_start" in sysctls, workload
        assert value(workload.template, "spec", "terminationGracePeriodSeconds") == 30


@pytest.mark.parametrize("original", ORIGINALS.values(), ids=lambda original: original.image)
def test_what_is_built_here_fits_the_original(original: Original) -> None:
    image = catalog.load()[original.image]
    lines = (image.directory / "Dockerfile").read_text(encoding="utf-8").splitlines()
    said: dict[str, str] = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        said[word] = rest
    assert said.get("STOPSIGNAL", "SIGTERM") == original.signal
    exposed = {int(port) for port in said["EXPOSE"].split()}
    assert not original.ports or exposed == original.ports
    if original.user.isdigit() and "USER" in said:
        assert said["USER"].partition(":")[0] == original.user
