"""griddb-server: fit for GridDB's public image, whose facts docs/images.md has, and for H2 in its place."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from components.systems import griddb
from components.versions import IMAGES
from ops.render.program import PROJECT_DIR
from stacks.settings.apps import Todo
from tests.support.data import items, mapping, value
from tests.support.objects import Workload, find, of_kind, workloads
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from tests.support.web import Request

REAL, STAND_IN = "everything", "dev"


def server(case: str) -> Workload:
    (found,) = [w for w in workloads(case) if w.name == "griddb-server"]
    return found


def files() -> dict[str, str]:
    found = server(REAL)
    (entry,) = [o for o in of_kind(REAL, "ConfigMap") if o.name.startswith("griddb-server")]
    (mount,) = [m for m in items(found.containers[0], "volumeMounts") if m["mountPath"] == "/etc/griddb"]
    assert mount["readOnly"] is True
    return {str(name): str(text) for name, text in mapping(entry.data, "data").items()}


@pytest.mark.parametrize("case", [REAL, STAND_IN])
def test_what_the_image_wants_of_its_pod(case: str) -> None:
    found = server(case)
    (container,) = found.containers
    pod = mapping(found.template, "spec", "securityContext")
    # gsadm: GridDB's programs may be run by this user and group alone.
    assert (pod["runAsUser"], pod["runAsGroup"], pod["fsGroup"]) == (1224, 1224, 1224)
    security = mapping(container, "securityContext")
    assert security["readOnlyRootFilesystem"] is True
    assert value(security, "capabilities", "drop") == ["ALL"]
    # One claim for all that is written: the log of transactions is not in `data`.
    writable = [m["mountPath"] for m in items(container, "volumeMounts") if not m.get("readOnly")]
    # Where H2 sorts a list that does not fit into its memory; without it, a person with thousands of todos saw none.
    sorting = [] if case == REAL else ["/tmp"]  # noqa: S108
    assert writable == [*sorting, "/var/lib/gridstore"]
    assert not [key for key in found.template["metadata"].get("annotations", {}) if "exempt" in key]


def test_one_setting_decides() -> None:
    real, stand_in = server(REAL).containers[0], server(STAND_IN).containers[0]
    assert real["image"] == IMAGES["griddb-server"].partition("@")[0]
    assert stand_in["image"].endswith("/h2:2.3.232")
    assert "command" not in stand_in
    urls: dict[str, str] = {}
    for case in (REAL, STAND_IN):
        (web,) = [w for w in workloads(case) if w.name == "web-server"]
        urls[case] = next(e["value"] for e in items(web.containers[0], "env") if e["name"] == "JDBC_URL")
        service = find(case, server(case), "Service", "griddb-server")
        assert service is not None
        assert 20001 in {port["port"] for port in items(service.data, "spec", "ports")}
    host = "griddb-server.todo.svc.cluster.local:20001"
    assert urls == {
        REAL: f"jdbc:gs://{host}/myCluster/public",
        STAND_IN: f"jdbc:h2:tcp://{host}/./todo;NETWORK_TIMEOUT=5000",
    }
    with pytest.raises(ValueError, match="leave one out"):
        Todo.model_validate({"cluster": "a", "standIn": True, "griddbImage": "registry.example.com/griddb:5.6.0"})


def test_the_stand_in_is_what_its_image_says() -> None:
    pom = (PROJECT_DIR / "images" / "h2" / "pom.xml").read_text(encoding="utf-8")
    assert f"<version>{griddb.H2_TAG}</version>" in pom
    recipe = (PROJECT_DIR / "images" / "h2" / "Dockerfile").read_text(encoding="utf-8")
    assert "USER 1224:1224" in recipe
    assert "VOLUME /var/lib/gridstore\n" in recipe


def test_the_node_and_its_cluster_agree() -> None:
    cluster, node = (json.loads(files()[name]) for name in ("gs_cluster.json", "gs_node.json"))
    (member,) = cluster["cluster"]["notificationMember"]
    ports: dict[str, int] = {service: entry["port"] for service, entry in member.items()}
    assert ports == {name: node[name]["servicePort"] for name in ports}
    # The pod's own name, which the kubelet writes into its /etc/hosts.
    assert {entry["address"] for entry in member.values()} == {node["serviceAddress"]} == {"griddb-server-0"}
    assert node["dataStore"]["logWriteMode"] == 0
    for path in ("dbPath", "transactionLogPath", "backupPath", "syncTempPath"):
        assert not node["dataStore"][path].startswith("/"), path


def test_it_is_ready_when_it_has_joined_and_alive_while_it_listens() -> None:
    (container,) = server(REAL).containers
    assert container["command"] == ["/bin/bash", "/etc/griddb/start.sh"]
    assert value(container, "readinessProbe", "exec", "command") == ["/bin/bash", "/etc/griddb/ready.sh"]
    assert value(container, "livenessProbe", "tcpSocket", "port") == "sql"


PASSWORD = "a / ' $ password"  # noqa: S105 - of nobody


@dataclass
class Administration:
    """The server's port for administration: a node that has joined is its cluster's master."""

    port: int = 0
    joined: list[str] = field(default_factory=list[str])

    def answer(self, request: Request) -> tuple[int, bytes]:
        if request.headers["Authorization"] != f"Basic {base64.b64encode(f'admin:{PASSWORD}'.encode()).decode()}":
            return 401, b""
        if request.method == "POST":
            self.joined.append(f"{request.path}?{request.body.decode()}")
            return 200, b"{}"
        return 200, b'{"cluster":{"clusterStatus":"%s"}}' % (b"MASTER" if self.joined else b"SUB_CLUSTER")


@pytest.fixture
def administration() -> Iterator[Administration]:
    found = Administration()
    with serving(found.answer) as port:
        found.port = port
        yield found


class Node:
    """The files of the ConfigMap in a directory of their own, and a home."""

    def __init__(self, directory: Path, port: int) -> None:
        self.home, self.etc, self.log = directory / "home", directory / "etc", directory / "log"
        self.home.mkdir()
        self.etc.mkdir()
        for name, text in files().items():
            own = text.replace("/etc/griddb", str(self.etc)).replace("127.0.0.1/10040", f"127.0.0.1/{port}")
            (self.etc / name).write_text(own, encoding="utf-8")
        gsserver = self.etc / "gsserver"
        gsserver.write_text('#!/bin/bash\necho "$PWD" "$@"\nsleep 60\n')
        gsserver.chmod(0o755)

    @contextmanager
    def started(self, script: str, **environment: str) -> Generator[subprocess.Popen[bytes]]:
        """A script at work; whatever it started ends with the block."""
        settings = {"GS_HOME": str(self.home), "GRIDDB_CLUSTER_NAME": "myCluster", "NOTIFICATION_MEMBER": "1"}
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                ["/bin/bash", str(self.etc / script)],
                env={"PATH": f"{self.etc}:/usr/bin:/bin", **settings, **environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def ready(self, password: str = PASSWORD) -> int:
        with self.started("ready.sh", GRIDDB_PASSWORD=password) as process:
            return process.wait(20)


def test_each_start_writes_the_configuration_and_joins(tmp_path: Path, administration: Administration) -> None:
    node = Node(tmp_path, administration.port)
    conf = node.home / "conf"
    conf.mkdir()
    (conf / "password").write_text("admin,old\n")
    (conf / "gridstore.pid").write_text("7")
    assert node.ready() == 1
    with node.started("start.sh", GRIDDB_PASSWORD=PASSWORD):
        end = time.monotonic() + 20
        while not administration.joined and time.monotonic() < end:
            time.sleep(0.05)
        assert administration.joined == ["/node/join?clusterName=myCluster&minNodeNum=1"]
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                assert PASSWORD.encode() not in entry.read_bytes()
        # Once is enough.
        time.sleep(1.5)
        assert len(administration.joined) == 1
    assert node.ready() == 0
    assert node.ready("another") == 1
    assert (node.home / "log").is_dir()
    assert node.log.read_text() == ""
    digest = hashlib.sha256(PASSWORD.encode()).hexdigest()
    assert (conf / "password").read_text() == f"admin,{digest}\n"
    assert sorted(path.name for path in conf.iterdir()) == ["gs_cluster.json", "gs_node.json", "password"]


def test_the_server_is_the_pods_first_process(tmp_path: Path, administration: Administration) -> None:
    node = Node(tmp_path, administration.port)
    with node.started("start.sh", GRIDDB_PASSWORD=PASSWORD) as process:
        end = time.monotonic() + 20
        while not node.log.read_text() and time.monotonic() < end:
            time.sleep(0.05)
        assert node.log.read_text() == f"{node.home} --conf conf\n"
        assert b"gsserver" in Path(f"/proc/{process.pid}/cmdline").read_bytes()


def test_nothing_starts_without_a_password(tmp_path: Path, administration: Administration) -> None:
    node = Node(tmp_path, administration.port)
    with node.started("start.sh") as process:
        assert process.wait(20) != 0
    assert "GRIDDB_PASSWORD" in node.log.read_text()


def test_where_nobody_answers_it_is_not_ready(tmp_path: Path) -> None:
    node = Node(tmp_path, 1)
    assert node.ready() == 1
    assert node.log.read_text() == ""
