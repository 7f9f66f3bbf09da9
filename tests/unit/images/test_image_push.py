from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from components import versions
from local.errors import LocalError
from local.images import catalog, content, goprogram, push
from local.images.builder import build
from local.progress import SilentProgress

if TYPE_CHECKING:
    from pathlib import Path

    from local.images.goprogram import GoProgram
    from local.progress import Progress
    from tests.unit.images.doubles import LoopbackRegistry, Public, RecordingEngine

NGINX = versions.by_tag(versions.IMAGES["nginx"])
NGINX_TAG = NGINX.rpartition(":")[2]
SILENT = SilentProgress()


def ensure(registry: LoopbackRegistry, *references: str) -> list[push.Available]:
    return push.ensure(references, registry.host, SILENT, apps={f"{registry.host}/h2o:1": "h2o-example"})


def current(name: str) -> str:
    images = catalog.load()
    return content.content_hash(images[name], images)


def test_what_is_missing_is_built_and_pushed_where_the_mirror_is_asked(
    mirror: LoopbackRegistry, builds: RecordingEngine
) -> None:
    own = f"{mirror.host}/h2o:1"
    assert ensure(mirror, own, NGINX) == [push.Available(own, "built"), push.Available(NGINX, "built")]
    assert mirror.images["h2o:1"][content.LABEL] == current("h2o")
    assert mirror.images[f"library/nginx:{NGINX_TAG}"][content.LABEL] == current("nginx")
    before = len(builds.contexts)
    assert [a.source for a in ensure(mirror, own, NGINX)] == ["registry", "registry"]
    assert len(builds.contexts) == before


def test_the_same_content_under_a_new_tag_is_pushed_without_a_build(
    mirror: LoopbackRegistry, builds: RecordingEngine
) -> None:
    ensure(mirror, f"{mirror.host}/h2o:1")
    before = len(builds.contexts)
    assert [a.source for a in ensure(mirror, f"{mirror.host}/h2o:2")] == ["built"]
    assert len(builds.contexts) == before
    assert set(mirror.images) == {"h2o:1", "h2o:2"}


@pytest.mark.usefixtures("builds")
def test_a_tag_is_never_overwritten(mirror: LoopbackRegistry) -> None:
    mirror.images["h2o:1"] = {content.LABEL: "something else"}
    assert [a.source for a in ensure(mirror, f"{mirror.host}/h2o:1")] == ["registry"]
    with pytest.raises(LocalError, match="never overwritten"):
        push.push(["h2o"], mirror.host, tag_for=lambda _: "1", progress=SILENT)
    assert mirror.images["h2o:1"] == {content.LABEL: "something else"}
    push.push(["h2o"], mirror.host, tag_for=lambda _: "1", progress=SILENT, force=True)
    assert mirror.images["h2o:1"][content.LABEL] == current("h2o")


def test_everything_that_is_wrong_is_told_before_anything_is_built(
    mirror: LoopbackRegistry, builds: RecordingEngine
) -> None:
    with pytest.raises(LocalError) as refusal:
        ensure(mirror, NGINX, "someone/something:1", f"{mirror.host}/h3o:1")
    assert len(str(refusal.value).splitlines()) == 2
    assert not builds.contexts


def test_go_programs_compile_while_other_images_are_built(
    mirror: LoopbackRegistry, builds: RecordingEngine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    compiled_in: list[str] = []

    def compile_program(program: GoProgram, _directory: Path, _progress: Progress) -> Path:
        compiled_in.append(threading.current_thread().name)
        binary = tmp_path / program.name
        binary.write_text("program", encoding="utf-8")
        return binary

    monkeypatch.setattr(goprogram, "build", compile_program)
    prometheus = versions.by_tag(versions.IMAGES["prometheus"])
    assert [a.source for a in ensure(mirror, prometheus, NGINX)] == ["built", "built"]
    assert compiled_in != ["MainThread"]
    assert len(compiled_in) == 1
    built = list(builds.contexts)
    assert [name.partition(":")[0].rpartition("/")[2] for name in built] == ["nginx", "prometheus"]
    assert "bin/prometheus" in builds.contexts[built[1]]


@pytest.mark.usefixtures("builds")
def test_a_third_party_image_with_an_old_recipe_is_replaced(mirror: LoopbackRegistry) -> None:
    mirror.images[f"library/nginx:{NGINX_TAG}"] = {content.LABEL: "an old recipe"}
    assert ensure(mirror, NGINX) == [push.Available(NGINX, "built", replaced=True)]


@pytest.mark.usefixtures("builds")
def test_a_stand_in_with_a_name_of_its_own_is_replaced_too(mirror: LoopbackRegistry) -> None:
    h2 = f"{mirror.host}/h2:2.3.232"
    assert ensure(mirror, h2) == [push.Available(h2, "built")]
    mirror.images["h2:2.3.232"] = {content.LABEL: "an old recipe"}
    assert ensure(mirror, h2) == [push.Available(h2, "built", replaced=True)]


def test_where_the_public_registry_answers_nothing_is_built(
    mirror: LoopbackRegistry, public: Public, builds: RecordingEngine
) -> None:
    public.found.add(NGINX)
    assert ensure(mirror, NGINX) == [push.Available(NGINX, "public")]
    assert not builds.contexts
    assert not mirror.images


@pytest.mark.usefixtures("builds")
def test_what_nothing_provides_is_an_error_with_its_reason(mirror: LoopbackRegistry) -> None:
    with pytest.raises(LocalError, match=r"docker.io cannot be reached, and images/ has nothing"):
        ensure(mirror, "someone/something:1")
    with pytest.raises(LocalError, match="pin it by tag"):
        ensure(mirror, f"{NGINX}@sha256:{'0' * 64}")
    with pytest.raises(LocalError, match="has no 'h3o' to build it from"):
        ensure(mirror, f"{mirror.host}/h3o:1")


@pytest.mark.usefixtures("builds")
def test_an_image_that_somebody_else_pushed_is_left_alone(mirror: LoopbackRegistry, public: Public) -> None:
    mirror.images["someone/something:1"] = {}
    mirror.images["theirs:1"] = {}
    answers = ensure(mirror, "someone/something:1", f"{mirror.host}/theirs:1")
    assert [a.source for a in answers] == ["registry", "registry"]
    assert not public.asked


@pytest.mark.usefixtures("builds")
def test_a_registry_that_does_not_answer_is_named() -> None:
    with pytest.raises(LocalError, match=r"registry at 127.0.0.1:9 does not answer"):
        push.ensure(["localhost:9/h2o:1"], "localhost:9", SILENT)


def test_building_gives_the_reference_asked_for(builds: RecordingEngine) -> None:
    built = build(["h2o"], tag_for=lambda image: f"localhost:5000/{image.name}:dev", progress=SILENT)["h2o"]
    assert builds.store["localhost:5000/h2o:dev"] is builds.store[built.stored]
    assert builds.arguments[built.stored] == {"BASE": "docker.io/library/debian:bookworm-slim"}
    context = builds.contexts[built.stored]
    assert context["html/auth.json"] == "0o644"
    assert "image.toml" not in context


def test_only_stand_ins_are_labelled_as_such(builds: RecordingEngine) -> None:
    stored = build(["h2o", "nginx"], progress=SILENT)
    for built in stored.values():
        assert "slipway.dev/stand-in" not in builds.store[built.stored]
