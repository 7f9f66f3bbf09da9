"""The scripts around the commands: what is missing is told at once, and in which order things start."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from ops.render.program import PROJECT_DIR

if TYPE_CHECKING:
    from pathlib import Path

BASICS = ("bash", "dirname", "mkdir", "df", "awk", "sed", "tail", "env", "rm", "mv", "install", "id")
OLD_PYTHON = """#!/bin/bash
case "$2" in *version_info*) exit 1 ;; *) echo 3.9.2 ;; esac
"""
NO_VENV_PYTHON = """#!/bin/bash
case "$2" in *ensurepip*) exit 1 ;; *) exit 0 ;; esac
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with the basic programs and nothing else."""
    directory = tmp_path / "path"
    directory.mkdir()
    for name in BASICS:
        there = shutil.which(name)
        assert there is not None, name
        (directory / name).symlink_to(there)
    return directory


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone without environment."""
    directory = tmp_path / "clone"
    shutil.copytree(PROJECT_DIR / "scripts", directory / "scripts")
    return directory


def program(directory: Path, name: str, text: str) -> None:
    (directory / name).write_text(text, encoding="utf-8")
    (directory / name).chmod(0o755)


def bootstrap(clone: Path, path: Path, cache: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(path / "bash"), str(clone / "scripts" / "bootstrap.sh")],
        env={"PATH": str(path), "HOME": str(clone), "SLIPWAY_CACHE": cache, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "told"),
    [
        (None, "python3 is missing; install Python 3.11 or newer"),
        (OLD_PYTHON, "python3 is 3.9.2; 3.11 or newer is needed"),
    ],
)
def test_a_machine_without_a_python_that_will_do_is_told(
    clone: Path, path: Path, tmp_path: Path, python: str | None, told: str
) -> None:
    if python:
        program(path, "python3", python)
    done = bootstrap(clone, path, str(tmp_path / "cache"))
    assert done.returncode == 1
    assert told in done.stderr


def test_everything_that_is_missing_is_told_at_once(clone: Path, path: Path) -> None:
    program(path, "python3", NO_VENV_PYTHON)
    done = bootstrap(clone, path, "/proc/no-cache-here")
    assert done.returncode == 1
    assert done.stderr.count("  - ") == 2
    assert "python3-venv" in done.stderr
    assert "SLIPWAY_CACHE" in done.stderr


def test_the_environment_is_made_here_whatever_other_is_active(clone: Path, path: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    program(path, "python3", "#!/bin/bash\nexit 0\n")
    version = (clone / "scripts" / "bootstrap.sh").read_text(encoding="utf-8").split("UV_VERSION=")[1].split()[0]
    program(path, "uv", f'#!/bin/bash\n[[ "$1" == --version ]] && echo "uv {version}" || env >{log}\n')
    fake_slipway(clone)
    active = {"VIRTUAL_ENV": "/other/.venv", "UV_PROJECT_ENVIRONMENT": "/other/.venv"}
    assert bootstrap(clone, path, str(tmp_path / "cache"), **active).returncode == 0
    assert "/other" not in log.read_text(encoding="utf-8")


def test_an_environment_that_cannot_be_run_here_is_made_anew(clone: Path) -> None:
    """As one that another user's Python is in."""
    shutil.copy(PROJECT_DIR / "slipway", clone)
    program(clone / "scripts", "bootstrap.sh", "#!/bin/bash\necho made anew\n")
    fake_slipway(clone)
    done = subprocess.run([str(clone / "slipway")], capture_output=True, text=True, check=False)
    assert "made anew" in done.stdout


def fake_slipway(clone: Path, *, code: int = 0, out: str = "", sleep: int = 0) -> Path:
    """A stand-in for the command line that writes down its calls."""
    log = clone / "calls"
    directory = clone / ".venv" / "bin"
    directory.mkdir(parents=True)
    # exec: Ctrl-C reaches the sleep as it would reach the command.
    nap = f"exec sleep {sleep}\n" if sleep else ""
    program(directory, "slipway", f'#!/bin/bash\necho "$*" >> {log}\necho "{out}"\n{nap}exit {code}\n')
    return log


def dev(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {k: v for k, v in os.environ.items() if k != "KUBE_CONTEXT"}
    return subprocess.run(
        [str(clone / "scripts" / "dev.sh"), "dev"],
        env={**kept, **environment},
        capture_output=True,
        check=False,
        text=True,
    )


def test_dev_checks_the_settings_then_starts_the_cluster_then_the_stack(clone: Path) -> None:
    log = fake_slipway(clone, out="Pulumi.dev.yaml: nothing is wrong; clusters: local (embedded)")
    assert dev(clone).returncode == 0
    calls = log.read_text(encoding="utf-8").splitlines()
    # Pulumi's CLI is built, where it has to be, beside the cluster.
    calls.remove("pulumi --stack dev -- version")
    assert calls == ["config check --stack dev", "local up", "up --yes --stack dev"]


@pytest.mark.parametrize(("keep", "left"), [("", ["go-1.26"]), ("1", ["build", "go-1.26", "mod"])])
def test_dev_leaves_gos_caches_to_those_who_want_them(clone: Path, tmp_path: Path, keep: str, left: list[str]) -> None:
    fake_slipway(clone)
    for name in ("build", "mod", "go-1.26"):
        (tmp_path / "c ache" / "go" / name / "deep").mkdir(parents=True)
    assert dev(clone, SLIPWAY_CACHE=str(tmp_path / "c ache"), SLIPWAY_KEEP_GO=keep).returncode == 0
    found = sorted(path.name for path in (tmp_path / "c ache" / "go").iterdir())
    assert [name for name in found if name != ".lock"] == left


def test_dev_takes_gos_caches_from_nobody_who_builds(clone: Path, tmp_path: Path) -> None:
    fake_slipway(clone)
    (tmp_path / "go" / "mod").mkdir(parents=True)
    with (tmp_path / "go" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        assert dev(clone, SLIPWAY_CACHE=str(tmp_path), SLIPWAY_KEEP_GO="").returncode == 0
    assert (tmp_path / "go" / "mod").is_dir()


def test_wrong_settings_start_nothing(clone: Path) -> None:
    log = fake_slipway(clone, code=1)
    assert dev(clone).returncode == 1
    assert log.read_text(encoding="utf-8").splitlines() == ["config check --stack dev"]


@pytest.mark.parametrize(("context", "kind"), [("mine", "embedded"), ("", "existing")])
def test_nothing_local_starts_where_another_cluster_is_used(clone: Path, context: str, kind: str) -> None:
    log = fake_slipway(clone, out=f"clusters: local ({kind})")
    assert dev(clone, KUBE_CONTEXT=context).returncode == 0
    assert log.read_text(encoding="utf-8").splitlines() == ["config check --stack dev", "up --yes --stack dev"]


def test_ctrl_c_ends_dev_with_130(clone: Path) -> None:
    log = fake_slipway(clone, sleep=30)
    process = subprocess.Popen(
        [str(clone / "scripts" / "dev.sh"), "dev"],
        start_new_session=True,
        # A shell's background job has SIGINT ignored, and hands that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while not (log.exists() and log.read_text(encoding="utf-8").endswith("\n")):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=10) == 130
    assert log.read_text(encoding="utf-8").splitlines() == ["config check --stack dev"]


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not on this machine")
def test_make_shows_its_targets() -> None:
    done = subprocess.run(["make", "--no-print-directory"], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    for target in ("dev", "test", "check", "preview", "down", "help"):
        assert f"  {target} " in done.stdout


def test_ctrl_c_while_the_commands_are_loaded_is_one_line(tmp_path: Path) -> None:
    # The commands' module interrupts itself while it is being loaded.
    (tmp_path / "ops").mkdir()
    for name in ("__init__.py", "cli.py", "errors.py"):
        shutil.copy(PROJECT_DIR / "ops" / name, tmp_path / "ops" / name)
    (tmp_path / "ops" / "app.py").write_text("raise KeyboardInterrupt\n", encoding="utf-8")
    code = "import sys; sys.path.insert(0, sys.argv[1]); from ops.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 130
    assert done.stderr == "interrupted; run the same command again to continue\n"


def supply_chain(clone: Path, path: Path, word: str) -> subprocess.CompletedProcess[str]:
    command = [str(path / "bash"), str(clone / "scripts" / "supply-chain.sh"), word]
    return subprocess.run(command, env={"PATH": str(path)}, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("word", "name"), [("audit", "osv-scanner"), ("sbom", "syft")])
def test_a_scanner_that_is_missing_is_told_with_how_to_install_it(
    clone: Path, path: Path, word: str, name: str
) -> None:
    done = supply_chain(clone, path, word)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {name} is not on PATH; install it: go install github.com/")


def test_the_audit_ends_as_the_scanner_does(clone: Path, path: Path) -> None:
    program(path, "osv-scanner", '#!/bin/bash\necho "$@ in $PWD"\nexit 127\n')
    done = supply_chain(clone, path, "audit")
    assert done.stdout == f"scan source --recursive . in {clone}\n"
    assert done.returncode == 127
