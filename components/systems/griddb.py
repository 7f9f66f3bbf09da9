"""griddb-server: GridDB in its public image, or H2 in its place where that image cannot be had."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from components.model import Port
from components.workload import Check, Container, ContainerResources, Probes, SecretValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.workload import Credential

NOSQL_PORT: Final = 10001
SQL_PORT: Final = 20001
USER_ID: Final = 1224
"""gsadm in GridDB's package: its programs may be run by this user and group alone."""
HOME: Final = "/var/lib/gridstore"
"""GS_HOME of the public image. All of it is the volume: the log of transactions lies beside `data`, not in it."""
ADMINISTRATOR: Final = "admin"
H2_TAG: Final = "2.3.232"

_CLUSTER = "myCluster"
_HOST = "griddb-server-0"
_FILES = "/etc/griddb"
_RESOURCES = ContainerResources(cpu="50m", memory="128Mi", memory_limit="256Mi")
# The name of the StatefulSet's pod, which its own /etc/hosts resolves to its address: the server gives clients, and
# itself, the address that is behind the name when it starts.
_PORTS = {"cluster": 10010, "sync": 10020, "system": 10040, "transaction": NOSQL_PORT, "sql": SQL_PORT}
_GS_CLUSTER = {
    "dataStore": {"partitionNum": 16, "storeBlockSize": "64KB"},
    "cluster": {
        "clusterName": _CLUSTER,
        "replicationNum": 1,
        "heartbeatInterval": "1s",
        "loadbalanceCheckInterval": "180s",
        "notificationMember": [{service: {"address": _HOST, "port": port} for service, port in _PORTS.items()}],
    },
    "sync": {"timeoutInterval": "30s"},
    "transaction": {"replicationMode": 0, "replicationTimeoutInterval": "10s"},
}
_GS_NODE = {
    "serviceAddress": _HOST,
    "dataStore": {
        "dbPath": "data",
        "transactionLogPath": "txnlog",
        "backupPath": "backup",
        "syncTempPath": "sync",
        "storeMemoryLimit": "64MB",
        "concurrency": 1,
        # A change is on the disk before it is acknowledged; the package's own 1 writes once a second.
        "logWriteMode": 0,
        "persistencyMode": "NORMAL",
        "affinityGroupSize": 4,
    },
    "checkpoint": {"checkpointInterval": "60s"},
    "cluster": {"servicePort": _PORTS["cluster"]},
    "sync": {"servicePort": _PORTS["sync"]},
    "system": {"servicePort": _PORTS["system"], "eventLogPath": "log"},
    "transaction": {"servicePort": NOSQL_PORT, "connectionLimit": 500},
    "sql": {
        "servicePort": SQL_PORT,
        "storeSwapFilePath": "swap",
        "storeSwapSyncSize": "64MB",
        "storeMemoryLimit": "64MB",
        "workMemoryLimit": "32MB",
        "workCacheMemory": "16MB",
        "connectionLimit": 500,
        "concurrency": 1,
    },
    "trace": {"default": "LEVEL_ERROR", "fileCount": 5},
}
# The image's own script writes the configuration only into an empty data directory, so that a new container on an old
# volume has none. Here it is written at each start. A node serves when it has joined its cluster, which is asked for
# until it has. GridDB's own gs_joincluster would show the password in its arguments.
_START = f"""\
set -euo pipefail
cd "$GS_HOME"
mkdir -p conf log
rm -f conf/gridstore.pid
cp {_FILES}/gs_cluster.json {_FILES}/gs_node.json conf/
digest="$(printf %s "$GRIDDB_PASSWORD" | sha256sum)"
printf '{ADMINISTRATOR},%s\\n' "${{digest%% *}}" > conf/password
. {_FILES}/ask.sh
(until [[ "$(ask GET /node/stat)" == *'"clusterStatus":"MASTER"'* ]]; do
  (ask POST /node/join "clusterName=$GRIDDB_CLUSTER_NAME&minNodeNum=$NOTIFICATION_MEMBER") > /dev/null || true
  sleep 1
done) &
exec gsserver --conf conf
"""
_READY = f"""\
. {_FILES}/ask.sh
[[ "$(ask GET /node/stat)" == *'"clusterStatus":"MASTER"'* ]]
"""
_ASK = f"""\
# ask METHOD PATH [FORM]: what the server's port for administration answers, which wants the password for everything.
ask() {{
  local form="${{3-}}" login
  login="$(printf %s "{ADMINISTRATOR}:$GRIDDB_PASSWORD" | base64 -w0)"
  {{ exec 3<> /dev/tcp/127.0.0.1/{_PORTS["system"]}; }} 2> /dev/null || return 0
  printf '%s\r\n' "$1 $2 HTTP/1.0" "Authorization: Basic $login" 'Content-Type: application/x-www-form-urlencoded' \
    "Content-Length: ${{#form}}" '' >&3
  printf %s "$form" >&3
  timeout 1 cat <&3 || true
  exec 3>&-
}}
"""


def griddb(image: pulumi.Input[str], password: Credential) -> Container:
    """GridDB. What its image wants is in docs/images.md.

    Args:
        image: Its public image, or a copy of it.
        password: The administrator's, under the key `password`.

    Returns:
        The container; it runs as `USER_ID` with its volume at `HOME`.
    """
    return Container(
        name="griddb-server",
        image=image,
        command=("/bin/bash", f"{_FILES}/start.sh"),
        ports=(Port("griddb", NOSQL_PORT), Port("sql", SQL_PORT)),
        # The port is open before the node has joined its cluster.
        probes=Probes.of(
            Check(command=("/bin/bash", f"{_FILES}/ready.sh")), startup_seconds=180, liveness=Check(port="sql")
        ),
        env={"NOTIFICATION_MEMBER": "1", "GRIDDB_CLUSTER_NAME": _CLUSTER},
        secret_env={"GRIDDB_PASSWORD": SecretValue(password, "password")},
        resources=_RESOURCES,
        files={
            _FILES: {
                "ask.sh": _ASK,
                "gs_cluster.json": _text(_GS_CLUSTER),
                "gs_node.json": _text(_GS_NODE),
                "ready.sh": _READY,
                "start.sh": _START,
            }
        },
        claim_mount=HOME,
    )


def h2(image: pulumi.Input[str], password: Credential) -> Container:
    """H2 in GridDB's place: the same name, user, volume and port for SQL.

    Args:
        image: The project's image of H2's server.
        password: The user's, under the key `password`.

    Returns:
        The container; it runs as `USER_ID` with its volume at `HOME`.
    """
    return Container(
        name="griddb-server",
        image=image,
        ports=(Port("sql", SQL_PORT),),
        probes=Probes.of(Check(port="sql"), startup_seconds=180),
        secret_env={"H2_PASSWORD": SecretValue(password, "password")},
        resources=_RESOURCES,
        # What does not fit into memory, the sorted todos of somebody who has thousands.
        writable=("/tmp",),  # noqa: S108 - a directory of the container
        claim_mount=HOME,
    )


def jdbc_url(host: str, *, stand_in: bool) -> str:
    """Where a client finds the database.

    Args:
        host: Name of its Service.
        stand_in: Whether it is H2.

    Returns:
        The URL, without user and password.
    """
    if stand_in:
        return f"jdbc:h2:tcp://{host}:{SQL_PORT}/./todo;NETWORK_TIMEOUT=5000"
    return f"jdbc:gs://{host}:{SQL_PORT}/{_CLUSTER}/public"


def _text(settings: Mapping[str, object]) -> str:
    return json.dumps(settings, indent=2) + "\n"
