"""A clock that jumps: what judges by the wall clock tells it, and is right again by itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

from local import readiness, settings

NOW = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)


class Server:
    """An API server that heard of its node at a moment."""

    def __init__(self, heard: dt.datetime) -> None:
        self.heard = heard

    def get(self, path: str) -> dict[str, Any]:
        """The node, or its lease."""
        at = self.heard.isoformat().replace("+00:00", "Z")
        if path.endswith(f"/leases/{settings.NODE}"):
            return {"spec": {"renewTime": at}}
        condition = {"type": "Ready", "status": "True", "lastHeartbeatTime": at}
        return {"status": {"conditions": [condition]}}


def test_a_jump_ahead_is_told_until_the_next_heartbeat_and_a_jump_back_changes_nothing() -> None:
    server: Any = Server(NOW - dt.timedelta(seconds=5))
    assert readiness.node_problem(server, NOW - dt.timedelta(hours=2)) is None
    assert readiness.node_problem(server, NOW) is None
    ahead = NOW + dt.timedelta(hours=2)
    assert readiness.node_problem(server, ahead) == f"the node {settings.NODE} was last heard of 7205 s ago"
    server.heard = ahead
    assert readiness.node_problem(server, ahead) is None
