"""Which Pulumi CLI a run uses."""

from __future__ import annotations

import importlib.metadata
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from local import paths, toolchain
from local.progress import SilentProgress
from ops.pulumi import cli
from tests.support.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.support.web import Request

PROGRESS = SilentProgress()
SDK = importlib.metadata.version("pulumi")
NO_DOWNLOADS = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"


@pytest.fixture(autouse=True)
def _machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No CLI, no network, and tools that are built already."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(cli, "_SOURCE_URL", "http://127.0.0.1:9/")

    def built(wanted: Iterable[str], _: object) -> dict[str, Path]:
        return {name: program(paths.tools() / toolchain.module_of(name).name / "1" / name) for name in wanted}

    monkeypatch.setattr(toolchain, "ensure", built)


@pytest.fixture(name="source")
def made_source(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A place that answers in Pulumi's stead; what it was asked for."""
    asked: list[str] = []

    def answer(request: Request) -> tuple[int, bytes]:
        asked.append(request.path)
        return (200 if request.path == "/" else 404), b""

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving(answer) as port:
        monkeypatch.setattr(cli, "_SOURCE_URL", f"http://127.0.0.1:{port}/")
        yield asked


def program(path: Path, version: str = "v3.300.0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {version}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def plugin(home: Path, version: str) -> None:
    program(home / "plugins" / f"resource-kubernetes-v{version}" / "pulumi-resource-kubernetes")


def test_one_on_path_fetches_its_plugins_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: list[str]
) -> None:
    path = program(tmp_path / "bin" / "pulumi")
    monkeypatch.setenv("PATH", f"/x:{path.parent}:/y")
    found = cli.find(PROGRESS)
    assert (found.path, found.version, found.source) == (path, "v3.300.0", "on PATH")
    assert found.environment["PATH"] == f"{path.parent}:/x:/y"
    assert found.environment["PULUMI_SKIP_UPDATE_CHECK"] == "true"
    assert NO_DOWNLOADS not in found.environment
    assert source == ["/"]


def test_one_in_the_home_directory(tmp_path: Path) -> None:
    path = program(tmp_path / "home" / ".pulumi" / "bin" / "pulumi")
    plugin(tmp_path / "home" / ".pulumi", importlib.metadata.version("pulumi-kubernetes"))
    found = cli.find(PROGRESS)
    assert (found.path, found.source) == (path, "in ~/.pulumi/bin")
    assert found.environment["PATH"].split(os.pathsep)[0] == str(path.parent)
    assert NO_DOWNLOADS not in found.environment


def test_one_that_does_not_run_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = program(tmp_path / "bin" / "pulumi")
    broken.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
    monkeypatch.setenv("PATH", str(broken.parent))
    path = program(tmp_path / "home" / ".pulumi" / "bin" / "pulumi")
    assert cli.find(PROGRESS).path == path


@pytest.mark.parametrize("version", [None, "0.0.1"])
def test_without_the_provider_and_a_network_the_pinned_provider_serves(tmp_path: Path, version: str | None) -> None:
    path = program(tmp_path / "home" / ".pulumi" / "bin" / "pulumi")
    if version is not None:
        plugin(tmp_path / "home" / ".pulumi", version)
    found = cli.find(PROGRESS)
    assert found.path == path
    assert found.environment["PATH"].split(os.pathsep)[:2] == [str(path.parent), str(paths.tools() / "pulumi" / "1")]
    assert found.environment[NO_DOWNLOADS] == "true"


def test_the_pinned_one_where_there_is_none_and_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    found = cli.find(PROGRESS)
    assert found.path == paths.tools() / "pulumi" / "1" / "pulumi"
    assert (found.version, found.source) == (toolchain.version("pulumi"), "built from pinned source")
    assert found.environment["PATH"].split(os.pathsep)[0] == str(found.path.parent)
    host = found.path.with_name("pulumi-language-python")
    assert host.samefile(paths.tools() / "pulumi-language-python" / "1" / "pulumi-language-python")
    assert (found.environment[NO_DOWNLOADS], found.environment["PULUMI_PYTHON_CMD"]) == ("true", sys.executable)
    # Its own environment, exported by a person, makes it no CLI of the machine.
    for name, value in found.environment.items():
        monkeypatch.setenv(name, value)
    assert cli.find(PROGRESS) == found


def test_that_downloads_do_not_answer_is_remembered_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    cli.find(PROGRESS)
    asked: list[str] = []

    def child(code: str, argument: str, timeout_s: float) -> bool:
        del code, timeout_s
        asked.append(argument)
        return False

    monkeypatch.setattr(cli, "_child", child)
    cli.find(PROGRESS)
    assert asked == []
    memory = next((paths.cache() / "pulumi").glob("unreachable-*"))
    for age in (25 * 3600, -3600):  # a day old, and from a clock that was set back
        os.utime(memory, (time.time() - age, time.time() - age))
        cli.find(PROGRESS)
        assert len(asked) == 1
        asked.clear()
    memory.rename(memory.with_name("unreachable-0.0.1"))  # another SDK asks again
    cli.find(PROGRESS)
    assert len(asked) == 1


@pytest.mark.usefixtures("source")
def test_one_is_downloaded_where_that_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        cli,
        "_INSTALL",
        "import sys, pathlib; p = pathlib.Path(sys.argv[1]) / 'bin' / 'pulumi'; p.parent.mkdir(parents=True)\n"
        "p.write_text('#!/bin/sh\\necho v3.301.0\\n'); p.chmod(0o755)",
    )
    found = cli.find(PROGRESS)
    assert found.path == paths.cache() / "pulumi" / SDK / "bin" / "pulumi"
    assert (found.version, found.source) == ("v3.301.0", "downloaded")
    assert NO_DOWNLOADS not in found.environment
    monkeypatch.setattr(cli, "_INSTALL", "raise SystemExit(1)")
    assert cli.find(PROGRESS) == found
    assert [entry.name for entry in (paths.cache() / "pulumi").iterdir()] == [SDK]


@pytest.mark.usefixtures("source")
def test_a_download_that_fails_leaves_nothing_and_is_not_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = tmp_path / "log"
    monkeypatch.setattr(cli, "_INSTALL", f"open({str(log)!r}, 'a').write('x'); raise SystemExit(1)")
    for _ in range(2):
        assert cli.find(PROGRESS).source == "built from pinned source"
    assert log.read_text(encoding="utf-8") == "x"
    assert {entry.name for entry in (paths.cache() / "pulumi").iterdir()} == {f"unreachable-{SDK}", "home"}


@pytest.mark.parametrize(
    "setting",
    [
        {"ALL_PROXY": "socks5://127.0.0.1:9"},
        {"HTTPS_PROXY": "not a proxy://["},
        {"HTTP_PROXY": "http://127.0.0.1:port"},
        {"ALL_PROXY": "ftp://127.0.0.1"},
        {"SSL_CERT_FILE": "/nonexistent/ca.pem"},
        {"NO_PROXY": "[::1"},
    ],
)
def test_no_setting_of_a_network_ends_a_run(setting: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in setting.items():
        monkeypatch.setenv(name, value)
    assert cli.find(PROGRESS).source == "built from pinned source"


def test_a_network_that_hangs_ends_with_all_its_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "pid"
    monkeypatch.setattr(
        cli,
        "_REACH",
        "import subprocess, time; p = subprocess.Popen(['/bin/sleep', '60']); "
        f"open({str(log)!r}, 'w').write(str(p.pid)); time.sleep(60)",
    )
    monkeypatch.setattr(cli, "_REACH_TIMEOUT_S", 2)
    begun = time.monotonic()
    assert cli.find(PROGRESS).source == "built from pinned source"
    assert time.monotonic() - begun < 30
    command = Path("/proc") / log.read_text(encoding="utf-8") / "cmdline"  # empty where only its end is left to be read
    end = time.monotonic() + 10
    while command.exists() and command.read_bytes() and time.monotonic() < end:
        time.sleep(0.05)  # it was told to end, and does so when it is its turn
    assert not command.exists() or command.read_bytes() == b""
