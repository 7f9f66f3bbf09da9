"""Which pods are restarted when the cluster's authority was made anew."""

from __future__ import annotations

import datetime as dt
import threading
from typing import TYPE_CHECKING, Any

import pytest

from local import paths, pki, renewal
from local.errors import LocalError

if TYPE_CHECKING:
    from pathlib import Path

MADE = dt.datetime(2026, 5, 1, 12, tzinfo=dt.UTC)
TOKEN: dict[str, Any] = {
    "projected": {"sources": [{"serviceAccountToken": {}}, {"configMap": {"name": "kube-root-ca.crt"}}]}
}


def pod(name: str = "web", **changes: Any) -> dict[str, Any]:
    owner = [{"kind": "ReplicaSet", "controller": True}]
    return {
        "metadata": {"namespace": "apps", "name": name, "ownerReferences": owner, **changes.pop("metadata", {})},
        "spec": {"volumes": [TOKEN], **changes.pop("spec", {})},
        "status": {"startTime": "2026-05-01T11:59:59Z", **changes.pop("status", {})},
    }


def test_a_pod_that_started_before_the_authority_was_made_is_outdated() -> None:
    assert renewal.is_outdated(pod(), MADE)


@pytest.mark.parametrize(
    "other",
    [
        pod(status={"startTime": "2026-05-01T12:00:01Z"}),
        pod(status={"startTime": None}),
        pod(spec={"volumes": [{"emptyDir": {}}]}),
        pod(metadata={"ownerReferences": []}),
        pod(metadata={"deletionTimestamp": "2026-05-01T12:00:00Z"}),
    ],
    ids=["later", "not started", "asks nobody", "nobody would replace it", "going"],
)
def test_others_are_left_alone(other: dict[str, Any]) -> None:
    assert not renewal.is_outdated(other, MADE)


class Server:
    """An API server with two pods and a bundle."""

    def __init__(self, bundle: str) -> None:
        self.bundle = bundle
        self.deleted: list[str] = []

    def get(self, path: str) -> dict[str, Any]:
        if path == "/api/v1/pods":
            return {"items": [pod("old"), pod("new", status={"startTime": "2999-01-01T00:00:00Z"})]}
        assert path == "/api/v1/namespaces/apps/configmaps/kube-root-ca.crt"
        return {"data": {"ca.crt": self.bundle}}

    def delete(self, path: str) -> None:
        self.deleted.append(path)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(paths, "PKI", tmp_path / "pki")
    pki.ensure(paths.PKI)
    assert abs(pki.made_at(paths.PKI, "ca") - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)
    return pki.certificate(paths.PKI, "ca").read_text(encoding="ascii")


def test_what_is_outdated_is_removed_once_the_new_authority_is_there(authority: str) -> None:
    server = Server(authority)
    assert renewal.restart_outdated(server, threading.Event()) == ["apps/old"]  # pyright: ignore[reportArgumentType] - a stand-in
    assert server.deleted == ["/api/v1/namespaces/apps/pods/old"]


def test_nothing_is_removed_before(authority: str) -> None:
    assert authority
    server, cancelled = Server("the one before"), threading.Event()
    cancelled.set()
    with pytest.raises(LocalError, match="did not reach the namespace apps"):
        renewal.restart_outdated(server, cancelled)  # pyright: ignore[reportArgumentType] - a stand-in
    assert server.deleted == []
