"""Published programs are taken whole and with the right sum, and whatever else happens, the build is the way."""

from __future__ import annotations

import hashlib
import io
import shutil
import tarfile
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from local import download, paths, toolchain
from local.children import Children, StoppedError
from local.download import Downloads
from local.errors import LocalError
from local.modules import MODULES, Module
from local.releases import RELEASES, Release

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

Served = dict[str, "bytes | Callable[[BaseHTTPRequestHandler], None]"]
CONTENT = b"#!/bin/sh\necho published\n"
PORTAL = b"<html><body>Welcome to the hotel. Please sign in.</body></html>"


class Told:
    """A progress that remembers what it was told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []

    @contextmanager
    def step(self, text: str) -> Generator[None]:
        self.steps.append(text)
        yield

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(name="served")
def made_served(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A mirror on loopback, by path; whoever is not there answers 404."""
    served: Served = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = served.get(self.path, served.get("*"))
            if callable(found):
                found(self)
                return
            self.send_response(200 if found is not None else 404)
            self.send_header("Content-Length", str(len(found or b"")))
            self.end_headers()
            self.wfile.write(found or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    monkeypatch.setenv("SLIPWAY_DOWNLOADS", f"http://127.0.0.1:{server.server_address[1]}/")
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


def archive(member: str, content: bytes = CONTENT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as made:
        for name, data in (("LICENSE", b"words"), (member, content)):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            made.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def path_of(url: str) -> str:
    parts = urlsplit(url)
    return f"/{parts.netloc}{parts.path}"


def release_of(name: str) -> Release:
    module = toolchain.module_of(name)
    plain = module.version.removeprefix("v")
    values = {"version": module.version, "plain": plain, "arch": "amd64", "machine": "x86_64", "name": name}
    return RELEASES[module.name].of(values)


def publish(served: Served, name: str, said: str | None = None) -> str:
    """Serve a program as its project does; the path of what is fetched. `said` is another sum than the right one."""
    release = release_of(name)
    body = archive(release.member) if release.member else CONTENT
    total = said or hashlib.sha256(body).hexdigest()
    file = release.url.rpartition("/")[2]
    alone = release.sums.endswith(f"{name}.sha256")
    served[path_of(release.url)] = body
    lines = f"{'0' * 64}  another.tar.gz\n{total}  {file}\n"
    served[path_of(release.sums)] = (total if alone else lines).encode()
    return path_of(release.url)


def got(name: str, scratch: Path, told: Told | None = None, **bounds: float) -> bool:
    downloads = Downloads(Children(), told or Told(), **bounds)  # pyright: ignore[reportArgumentType] - a number each
    return downloads.get(toolchain.module_of(name), name, scratch)


pytestmark = pytest.mark.skipif(download.platform.machine() != "x86_64", reason="the mirror has files of one machine")


@pytest.mark.parametrize(
    "name", sorted(name for module in MODULES if module.name in RELEASES for name in module.binaries)
)
def test_each_published_program_is_taken(served: Served, tmp_path: Path, name: str) -> None:
    publish(served, name)
    assert got(name, tmp_path)
    assert (tmp_path / name).read_bytes() == CONTENT
    assert (tmp_path / name).stat().st_mode & 0o111 == 0o111


def test_programs_of_one_module_come_together_and_need_no_go(
    served: Served, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toolchain, "go_command", None)  # nothing is compiled
    names = list(toolchain.module_of("kubectl").binaries)
    for name in names:
        publish(served, name)
    found = toolchain.ensure(names)
    assert {path.read_bytes() for path in found.values()} == {CONTENT}
    assert sorted(path.name for path in found["kubectl"].parent.iterdir()) == sorted(names)
    assert found["kubectl"].is_relative_to(cache)


def cut(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    handler.wfile.write(b"x" * 1000)


def slow(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        for _ in range(200):
            handler.wfile.write(b"x")
            handler.wfile.flush()
            time.sleep(0.3)
    except OSError:
        return


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(cut, "closed connection", id="cut"),
        pytest.param(slow, "bytes in", id="slow"),
        pytest.param(None, "answers 404", id="not there"),
        pytest.param(PORTAL, "has the SHA-256 sum", id="another file"),
    ],
)
def test_a_program_that_does_not_come_whole_is_built(
    served: Served, tmp_path: Path, answer: bytes | Callable[[BaseHTTPRequestHandler], None] | None, reason: str
) -> None:
    path = publish(served, "etcd")
    served.pop(path)
    if answer is not None:
        served[path] = answer
    told, begun = Told(), time.monotonic()
    assert not got("etcd", tmp_path, told, **({"patience_s": 2} if answer is slow else {}))
    assert time.monotonic() - begun < 30  # the slow server goes on for a minute
    assert reason in told.notes[0]
    assert release_of("etcd").url in told.notes[0]
    assert not (tmp_path / "etcd").exists()


def test_what_is_given_up_is_no_reason_to_build(served: Served, tmp_path: Path) -> None:
    path = publish(served, "etcd")
    children = Children()

    def stop(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        children.stop()

    served[path] = stop
    told = Told()
    with pytest.raises(StoppedError):
        Downloads(children, told).get(toolchain.module_of("etcd"), "etcd", tmp_path)
    assert told.notes == []


def test_what_cannot_be_kept_is_not_built_either(served: Served, tmp_path: Path) -> None:
    publish(served, "etcd")
    with pytest.raises(LocalError, match="cannot be written"):
        got("etcd", tmp_path / "nowhere")


def test_a_page_that_asks_to_sign_in_is_no_sum(served: Served, tmp_path: Path) -> None:
    served["*"] = PORTAL
    told = Told()
    assert not got("kubectl", tmp_path, told)
    assert not got("etcd", tmp_path, told)
    assert all("has no sum where one is published" in note for note in told.notes)
    assert told.steps == []


def test_an_archive_without_the_program_is_not_taken(served: Served, tmp_path: Path) -> None:
    release = release_of("crane")
    body = archive("elsewhere/crane")
    served[path_of(release.url)] = body
    served[path_of(release.sums)] = f"{hashlib.sha256(body).hexdigest()} *{release.url.rpartition('/')[2]}".encode()
    told = Told()
    assert not got("crane", tmp_path, told)
    assert "does not contain crane" in told.notes[0]


def test_a_host_that_does_not_answer_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_DOWNLOADS", "http://127.0.0.1:9")
    told = Told()
    downloads = Downloads(Children(), told)
    for name in ("etcd", "crane", "coredns"):  # all of one host
        assert not downloads.get(toolchain.module_of(name), name, tmp_path)
    assert len(told.notes) == 1


def test_a_proxy_that_cannot_be_used_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLIPWAY_DOWNLOADS", raising=False)
    monkeypatch.setenv("ALL_PROXY", "nonsense://127.0.0.1:9")
    told = Told()
    assert not got("etcd", tmp_path, told)
    assert "nonsense" in told.notes[0]


def test_off_asks_nobody(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(served, "etcd")
    downloaded = toolchain.module_of("etcd").home
    monkeypatch.setenv("SLIPWAY_DOWNLOADS", "off")
    assert not got("etcd", tmp_path)
    # What was downloaded before does not stand in for a build.
    assert toolchain.module_of("etcd").home != downloaded
    assert toolchain.module_of("loadbalancer").home.is_relative_to(downloaded.parents[1])


@pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")
def test_what_has_a_wrong_sum_is_built_instead(
    served: Served, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources = tmp_path / "tools" / "hello"
    sources.mkdir(parents=True)
    (sources / "go.mod").write_text("module example.test/hello\n\ngo 1.22\n", encoding="utf-8")
    (sources / "main.go").write_text("package main\n\nfunc main() {}\n", encoding="utf-8")
    monkeypatch.setattr(paths, "module_dir", sources.parent.joinpath)
    module = Module("hello", {"hello": "."})
    monkeypatch.setattr(toolchain, "MODULES", (module,))
    url = "https://example.test/{name}"
    monkeypatch.setattr(download, "RELEASES", {"hello": Release(url, f"{url}.sha256")})
    served["/example.test/hello"] = CONTENT
    served["/example.test/hello.sha256"] = b"0" * 64
    told = Told()
    built = toolchain.tool("hello", told)
    assert built.read_bytes().startswith(b"\x7fELF")
    assert told.steps == ["download hello own", "build hello"]
    assert "instead of 000" in told.notes[0]
    assert [path.name for path in built.parent.iterdir()] == ["hello"]
    assert built.is_relative_to(cache)
