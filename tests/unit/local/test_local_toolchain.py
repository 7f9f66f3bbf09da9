"""Building programs: keyed by what goes in, whole or not at all, once."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

import pytest

from local import golang, paths, toolchain
from local.errors import LocalError
from local.progress import SilentProgress
from local.toolchain import Module

if TYPE_CHECKING:
    from pathlib import Path

HELLO = 'package main\n\nvar version = "unset"\n\nfunc main() { println("hello", version) }\n'


@pytest.fixture(name="go_home", scope="module")
def made_go_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Go's own caches, shared by these tests: the standard library is compiled once."""
    return tmp_path_factory.mktemp("go")


@pytest.fixture(name="sources")
def made_sources(tmp_path: Path, go_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tools directory with one small module `hello`, known to the toolchain."""
    root = tmp_path / "tools"
    (root / "hello").mkdir(parents=True)
    (root / "hello" / "go.mod").write_text("module example.test/hello\n\ngo 1.22\n", encoding="utf-8")
    (root / "hello" / "main.go").write_text(HELLO, encoding="utf-8")
    module = Module("hello", {"hello": "."}, None, ("main.version={version}",))
    monkeypatch.setattr(paths, "go_home", lambda: go_home)
    monkeypatch.setattr(paths, "module_dir", lambda name: root / name)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType] - test double
    monkeypatch.setattr(toolchain, "MODULES", (module,))
    return root / "hello"


needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="no Go on PATH")


def test_every_module_is_pinned_and_has_sums() -> None:
    for module in toolchain.MODULES:
        assert (module.directory / "go.mod").is_file(), module.name
        if module.pin is not None:
            assert re.fullmatch(r"v\d+\.\d+\.\d+", module.version), module.name
            assert (module.directory / "go.sum").stat().st_size > 0, module.name
    assert toolchain.version("kubectl") == toolchain.version("kubelet")


def test_kubernetes_staging_modules_are_of_the_same_release() -> None:
    text = (paths.module_dir("kubernetes") / "go.mod").read_text(encoding="utf-8")
    minor_patch = toolchain.version("kubectl").removeprefix("v1.")
    replaced = re.findall(r"^\s*k8s\.io/\S+ => k8s\.io/\S+ v0\.(\S+)$", text, re.MULTILINE)
    assert len(replaced) >= 30
    assert set(replaced) == {minor_patch}


def test_the_version_is_stamped_where_kubectl_reads_it() -> None:
    flags = toolchain.module_of("kubectl").linker_flags
    assert f"k8s.io/component-base/version.gitVersion={toolchain.version('kubectl')}" in flags
    assert "gitMajor=v" not in flags


def test_an_unknown_tool_is_named_with_those_that_exist() -> None:
    with pytest.raises(LocalError, match=r"no tool named 'kubctl'.*kubectl"):
        toolchain.tool("kubctl")


def test_the_key_changes_with_every_input(cache: Path, sources: Path) -> None:
    module = toolchain.module_of("hello")
    first = module.home
    assert first.is_relative_to(cache)
    assert module.home == first
    (sources / "main.go").write_text(HELLO + "\n", encoding="utf-8")
    second = module.home
    (sources / "extra.go").write_text("package main\n", encoding="utf-8")
    third = module.home
    (sources / "extra.go").rename(sources / "other.go")
    fourth = module.home
    (sources / "notes.txt").write_text("not an input", encoding="utf-8")
    assert module.home == fourth
    stamped = Module("hello", {"hello": "."}, None, ("main.version=other",)).home
    assert len({first, second, third, fourth, stamped}) == 5


@needs_go
def test_a_program_is_built_once_and_runs(cache: Path, sources: Path) -> None:
    assert toolchain.cached("hello") is None
    path = toolchain.tool("hello", SilentProgress())
    assert subprocess.run([path], capture_output=True, text=True, check=True).stderr == "hello own\n"
    stamp = path.stat().st_mtime_ns
    assert toolchain.tool("hello") == path == toolchain.cached("hello")
    assert path.stat().st_mtime_ns == stamp
    assert sorted(p.name for p in path.parent.iterdir()) == ["hello"]
    assert sources.is_dir()
    shutil.rmtree(cache)


@needs_go
def test_files_of_a_required_module_lie_beside_the_program(
    cache: Path, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cache.parent.is_dir()
    (sources / "data" / "deep").mkdir(parents=True)
    (sources / "data" / "go.mod").write_text("module example.test/data\n", encoding="utf-8")
    (sources / "data" / "data.go").write_text("package data\n", encoding="utf-8")
    (sources / "data" / "deep" / "schema.json").write_text("{}", encoding="utf-8")
    (sources / "main.go").write_text(HELLO.replace("\n\n", '\n\nimport _ "example.test/data"\n\n', 1), encoding="utf-8")
    (sources / "go.mod").write_text(
        "module example.test/hello\n\ngo 1.22\n\nrequire example.test/data v1.0.0\n\n"
        "replace example.test/data => ./data\n",
        encoding="utf-8",
    )
    module = Module("hello", {"hello": "."}, files=(("example.test/data", "deep/schema.json"),))
    assert module.home != toolchain.module_of("hello").home
    monkeypatch.setattr(toolchain, "MODULES", (module,))
    path = toolchain.tool("hello")
    assert sorted(p.name for p in path.parent.iterdir()) == ["hello", "schema.json"]
    assert (path.parent / "schema.json").read_text(encoding="utf-8") == "{}"


@needs_go
def test_a_failed_build_says_why_and_leaves_nothing(cache: Path, sources: Path) -> None:
    (sources / "main.go").write_text("package main\n\nfunc main() { undefined() }\n", encoding="utf-8")
    with pytest.raises(LocalError, match=r"building hello own failed(?s:.*)undefined: undefined"):
        toolchain.tool("hello")
    assert toolchain.cached("hello") is None
    assert [p for p in cache.rglob("*") if p.name.startswith(".building-")] == []


@needs_go
def test_what_an_interrupted_build_left_is_cleared(cache: Path, sources: Path) -> None:
    assert sources.is_dir()
    stale = toolchain.module_of("hello").home / ".building-killed"
    stale.mkdir(parents=True)
    (stale / "hello").write_bytes(b"half")
    path = toolchain.tool("hello")
    assert not stale.exists()
    assert path.is_relative_to(cache)


@needs_go
def test_two_processes_build_the_same_thing_once(cache: Path, sources: Path, go_home: Path, tmp_path: Path) -> None:
    """Each compiles through a `go` that counts its calls."""
    counter = tmp_path / "calls"
    wrapper = tmp_path / "bin" / "go"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\n[ "$1" = build ] && echo x >> {counter}\nexec {shutil.which("go")} "$@"\n', encoding="utf-8"
    )
    wrapper.chmod(0o755)
    program = textwrap.dedent(f"""
        from pathlib import Path
        from local import paths, toolchain
        paths.module_dir = lambda name: Path({str(sources.parent)!r}) / name
        paths.go_home = lambda: Path({str(go_home)!r})
        toolchain.MODULES = (toolchain.Module("hello", {{"hello": "."}}),)
        print(toolchain.tool("hello"))
    """)
    environment = {**os.environ, "SLIPWAY_CACHE": str(cache), "PATH": f"{wrapper.parent}:{os.environ['PATH']}"}
    running = [
        subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = {process.communicate(timeout=120)[0] for process in running}
    assert [process.returncode for process in running] == [0, 0]
    assert len(answers) == 1
    assert counter.read_text(encoding="utf-8") == "x\n"


def test_go_that_is_too_old_is_not_used(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go1.19.8\n", encoding="utf-8")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/nowhere")
    assert golang.installed_version(old) == (1, 19, 8)
    # The pinned one, already in the cache, is taken instead (or a new enough one in Go's usual place).
    pinned = cache / "go" / f"go-{golang.pinned_version()}" / "go" / "bin" / "go"
    pinned.parent.mkdir(parents=True)
    pinned.touch()
    found = golang.go_command(paths.module_dir("kubernetes"), SilentProgress())
    assert found != old


def test_the_pinned_go_is_new_enough_for_every_module() -> None:
    pinned = tuple(int(part) for part in golang.pinned_version().split("."))
    for module in toolchain.MODULES:
        assert golang.needed_version(module.directory) <= pinned, module.name


def test_a_machines_own_go_settings_do_not_leak_into_builds(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("GOFLAGS", "-mod=mod"), ("GOOS", "windows"), ("GOWORK", "/x"), ("CGO_ENABLED", "1")):
        monkeypatch.setenv(name, value)
    environment = golang.go_environment(cache / "go")
    assert (environment["GOOS"], environment["GOWORK"], environment["CGO_ENABLED"]) == ("linux", "off", "0")
    assert environment["GOFLAGS"].startswith("-mod=readonly")
    assert environment["GOMODCACHE"].startswith(str(cache))


def test_the_compiler_does_not_collect_where_there_is_memory(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GOGC", "GOMEMLIMIT"):
        monkeypatch.delenv(name, raising=False)
    pages = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 24 * 1024**3 // 4096}
    monkeypatch.setattr(golang.os, "sysconf", pages.__getitem__)
    monkeypatch.setattr(golang.os, "cpu_count", lambda: 2)
    environment = golang.go_environment(cache / "go")
    assert (environment["GOGC"], environment["GOMEMLIMIT"]) == ("off", str(3 * 1024**3))
    pages["SC_PHYS_PAGES"] //= 4
    assert "GOGC" not in golang.go_environment(cache / "go")
    monkeypatch.setenv("GOGC", "50")
    pages["SC_PHYS_PAGES"] *= 4
    assert golang.go_environment(cache / "go")["GOGC"] == "50"
