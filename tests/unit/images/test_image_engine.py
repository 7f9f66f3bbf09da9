from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local.errors import LocalError
from local.images import buildah, engine
from local.images.flags import build_flags, is_loopback
from local.images.reference import Reference
from local.progress import SilentProgress

if TYPE_CHECKING:
    from pathlib import Path

    from local.progress import Progress


class Programs:
    """Programs on PATH that write down how they were called; `answers` has the exit code by beginning of the call."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "calls"

    def add(self, name: str, *, failing: str = "never", output: str = "") -> None:
        script = self.directory / name
        script.write_text(
            f'#!/bin/sh\necho "{name} $*" >> {self.log}\ncase "$*" in {failing}*) exit 1 ;; esac\necho "{output}"\n',
            encoding="utf-8",
        )
        script.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines()


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    directory = tmp_path / "bin"
    directory.mkdir()
    monkeypatch.setenv("PATH", f"{directory}:/usr/bin:/bin")
    monkeypatch.delenv("SLIPWAY_BUILDER", raising=False)

    def no_buildah(_progress: Progress) -> buildah.BuildahEngine:
        raise LocalError("no buildah in this test")

    monkeypatch.setattr(buildah, "find", no_buildah)
    return Programs(directory)


@pytest.mark.parametrize(("failing", "found"), [("never", "docker"), ("info", "podman")])
def test_docker_comes_first_where_its_client_has_an_engine(programs: Programs, failing: str, found: str) -> None:
    programs.add("docker", failing=failing)
    programs.add("podman")
    assert engine.find(SilentProgress()).name == found


@pytest.mark.parametrize(("version", "found"), [("20.10.24", "docker"), ("27.1.0", "podman")])
def test_docker_without_buildkit_does_not_count(programs: Programs, version: str, found: str) -> None:
    programs.add("docker", failing="buildx", output=version)
    programs.add("podman")
    assert engine.find(SilentProgress()).name == found


def test_the_engine_can_be_chosen(programs: Programs, monkeypatch: pytest.MonkeyPatch) -> None:
    programs.add("docker")
    programs.add("podman")
    monkeypatch.setenv("SLIPWAY_BUILDER", "podman")
    assert engine.find(SilentProgress()).name == "podman"
    monkeypatch.setenv("SLIPWAY_BUILDER", "kaniko")
    with pytest.raises(LocalError, match="there are docker, podman, buildah"):
        engine.find(SilentProgress())
    programs.add("podman", failing="info")
    monkeypatch.setenv("SLIPWAY_BUILDER", "podman")
    with pytest.raises(LocalError, match="SLIPWAY_BUILDER=podman does not work"):
        engine.find(SilentProgress())


def test_plain_http_is_for_this_machine_only(programs: Programs) -> None:
    programs.add("podman")
    podman = engine.PodmanEngine()
    podman.push("localhost/slipway/h2o:1", Reference.parse("127.0.0.1:5000/h2o:1"))
    podman.push("localhost/slipway/h2o:1", Reference.parse("asia-docker.pkg.dev/p/r/h2o:1"))
    assert "--tls-verify=false" in programs.calls[0]
    assert "--tls-verify=false" not in programs.calls[1]
    assert is_loopback("localhost:5000")
    assert not is_loopback("localhost.example.com:5000")


def test_a_failure_shows_the_end_of_what_the_engine_said(programs: Programs) -> None:
    programs.add("docker", failing="push")
    with pytest.raises(LocalError, match=r"pushing 127\.0\.0\.1:5000/h2o:1 failed \(docker ended with 1\)"):
        engine.DockerEngine().push("x", Reference.parse("127.0.0.1:5000/h2o:1"))


def test_the_machines_certificates_are_a_secret_of_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tmp_path / "ca.pem"
    bundle.write_text("certificates", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    flags = build_flags(["a:1"], {"BASE": "b"}, {"l": "v"})
    secret = f"id=certificates,src={bundle}"
    assert flags == [*("--tag", "a:1", "--build-arg", "BASE=b", "--label", "l=v", "--secret", secret)]
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))
    assert "--secret" not in build_flags(["a:1"], {}, {})
