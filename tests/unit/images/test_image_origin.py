"""What an image is, told from what the registry of the embedded cluster holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from components import versions
from local.errors import LocalError
from local.images import content
from local.images.origin import origin
from local.progress import SilentProgress
from ops.images import with_origins
from ops.output import apps_table
from ops.render.result import Cluster
from ops.status import AppStatus

if TYPE_CHECKING:
    from ops.stack import Stack
    from tests.unit.images.doubles import LoopbackRegistry

BUILT = {content.LABEL: "0123"}
NGINX = versions.by_tag(versions.IMAGES["nginx"])
MIRRORED = "library/nginx:" + NGINX.rpartition(":")[2]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, "public"),
        ({}, "public"),
        (BUILT, "built here"),
        ({**BUILT, content.STAND_IN_LABEL: "true"}, "stand-in"),
    ],
)
def test_a_public_image_is_what_the_mirror_holds(
    mirror: LoopbackRegistry, labels: dict[str, str] | None, expected: str
) -> None:
    if labels is not None:
        mirror.images[MIRRORED] = labels
    assert origin(NGINX, mirror.host, SilentProgress()) == expected
    assert origin(NGINX.rpartition(":")[0] + "@sha256:" + "0" * 64, mirror.host, SilentProgress()) == "public"


def test_an_own_image_is_there_or_missing(mirror: LoopbackRegistry) -> None:
    mirror.images["h2o:1"] = BUILT
    by_name = mirror.host.replace("127.0.0.1", "localhost")
    assert origin(f"{by_name}/h2o:1", mirror.host, SilentProgress()) == "own"
    assert origin(f"{by_name}/h2o:2", mirror.host, SilentProgress()) == "missing"


def told(mirror_host: str, kind: str, image: str) -> AppStatus:
    class StackOfOne:
        progress = SilentProgress()

        def cluster(self, name: str) -> Cluster:
            return Cluster(name, kind, None, None, mirror_host, "")

    status = AppStatus("web", "s", "local", "n", None, None, ready=1, desired=1, image=image)
    (found,) = with_origins(cast("Stack", StackOfOne()), [status])
    return found


def test_status_tells_it_in_json_and_in_the_wide_table(mirror: LoopbackRegistry) -> None:
    mirror.images[MIRRORED] = BUILT
    found = told(mirror.host, "embedded", NGINX)
    assert found.as_dict()["origin"] == "built here"

    def cells(width: int) -> list[Any]:
        return [cell for column in apps_table([found], width).columns for cell in column.cells]

    assert f"{NGINX} (built here)" in cells(160)
    assert not any("built here" in cell for cell in cells(80))


def test_where_nobody_knows_nothing_is_said(mirror: LoopbackRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(mirror.host, "gke", NGINX).origin is None

    def silent(*_: object) -> None:
        raise LocalError("no answer")

    monkeypatch.setattr("local.images.registry.look", silent)
    assert told(mirror.host, "embedded", NGINX).origin is None
