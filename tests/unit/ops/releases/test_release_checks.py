"""What a release asks: the registry, and the app itself."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from local import paths, pki
from local.progress import SilentProgress
from ops.errors import OpsError, RefusedError
from ops.releases import registry, smoke
from ops.render.result import Smoke
from tests.support.release_world import Web
from tests.support.web import serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.release_world import World


def test_a_registry_that_does_not_answer_is_told(world: World) -> None:
    world.crane.on("digest", err="dial tcp 127.0.0.1:5000: connect: connection refused", code=1)
    with pytest.raises(OpsError, match=r"image registry at localhost:5000 does not answer.*slipway local up"):
        registry.require(["localhost:5000/h2o:1"], SilentProgress())
    world.crane.on("digest registry.example.com", err="GET …: UNAUTHORIZED: authentication required", code=1)
    with pytest.raises(OpsError, match=r"sign in to it \(docker login registry.example.com"):
        registry.require(["registry.example.com/h2o:1"], SilentProgress())


def test_every_missing_image_is_named(world: World) -> None:
    images = [f"127.0.0.1:{world.web.port}/h2o:{tag}" for tag in ("1", "8", "9")]
    with pytest.raises(RefusedError) as caught:
        registry.require(images, SilentProgress())
    assert "h2o:8, " in str(caught.value)
    assert "--build" in str(caught.value)
    assert "h2o:1" not in str(caught.value).partition(";")[0]


def test_a_smoke_check_asks_for_the_host_and_wants_status_and_text(web: Web) -> None:
    web.answers = [(200, "fine")]
    assert smoke.check(web.url, Smoke("/x", 200, "fine"), "h2o.example.com") is None
    assert web.asked == ["h2o.example.com /x"] * smoke.REQUESTS
    assert smoke.ask(web.url, Smoke("/x", 204, "")) == "GET /x answers 200 instead of 204: fine"
    assert smoke.ask(web.url, Smoke("/x", 200, "else")) == "GET /x answers without 'else': fine"
    assert "ConnectionRefusedError" in (smoke.ask(Web().url, Smoke("/x", 200, "")) or "")


def test_a_smoke_check_trusts_the_embedded_clusters_authority_and_asks_for_the_host(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pki.ensure(tmp_path)
    issued = pki.issue(tmp_path, ["h2o.example.com", "h2o.localhost"])
    assert issued is not None
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(issued.bundle, encoding="ascii")
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(bundle)
    monkeypatch.setattr(paths, "PKI", tmp_path)
    fine, refused = Smoke("/", 200, "succeeded"), "CERTIFICATE_VERIFY_FAILED"
    with serving(Web().answer, tls=tls) as port:
        assert smoke.ask(f"https://h2o.localhost:{port}", fine, "h2o.example.com") is None
        assert smoke.ask(f"https://127.0.0.1:{port}", fine, "h2o.example.com") is None
        assert refused in (smoke.ask(f"https://127.0.0.1:{port}", fine, "other.example.com") or "")
        monkeypatch.setattr(paths, "PKI", tmp_path / "elsewhere")
        assert refused in (smoke.ask(f"https://h2o.localhost:{port}", fine) or "")


def test_one_wrong_answer_begins_a_new_round(web: Web) -> None:
    web.answers = [(200, "fine"), (200, "fine"), (503, "not yet"), (200, "fine")]
    assert smoke.check(web.url, Smoke("/", 200, "fine")) is None
    assert len(web.asked) == 3 + smoke.REQUESTS
