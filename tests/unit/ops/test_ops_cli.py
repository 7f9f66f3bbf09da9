"""The command line as people meet it: help, messages, exit codes."""

from __future__ import annotations

import contextlib
import errno
import importlib.metadata
import json
import os
import pty
import resource
import subprocess
import sys
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.unit.ops.conftest import STACK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    from tests.support.fake_pulumi import FakePulumi
    from tests.support.programs import FakeProgram
    from tests.unit.ops.conftest import Run

    Raised = Callable[[BaseException], Result]

HELP_LOADS_NOT = ("pulumi", "pulumi_kubernetes", "stacks.settings", "ops.pulumi.session")


def test_help_names_every_command(slipway: Run) -> None:
    result = slipway("--help")
    assert result.exit_code == 0
    for command in ("up", "preview", "render", "status", "down", "pulumi", "images", "config", "local", "doctor"):
        assert f" {command} " in result.stdout


def test_help_is_quick_because_it_loads_little() -> None:
    code = f"import sys, ops.app; sys.exit(bool(set({HELP_LOADS_NOT!r}) & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_wrong_usage_exits_with_2(slipway: Run) -> None:
    assert slipway("render").exit_code == 2
    assert slipway("no-such-command").exit_code == 2


WRONG = {
    "unknown key": ("replicas: 2", "replicsa: 2", "slipway:apps.h2o-example.replicsa"),
    "no replicas": ("replicas: 2", "replicas: 0", "slipway:apps.h2o-example.replicas = 0"),
    "negative replicas": ("replicas: 2", "replicas: -1", "slipway:apps.h2o-example.replicas = -1"),
    "cpu: lots": ("replicas: 2", "resources: {cpu: lots}", "slipway:apps.h2o-example.resources.cpu = lots"),
    "image without name": (
        "    h2o-example:",
        "    nginx: {cluster: local, image: ':1.2'}\n    h2o-example:",
        "slipway:apps.nginx.image = :1.2",
    ),
    "duplicate app": ("    h2o-example:", "    h2o-example: {cluster: local}\n    h2o-example:", "stands twice"),
    "bad host": ("replicas: 2", "host: 'not a host'", "slipway:apps.h2o-example.host = not a host"),
    "YAML syntax": ("replicas: 2", "replicas: [2", "correct the YAML syntax"),
}


COMMANDS = ("up", "preview", "status", "down", "drift", "refresh", "recover", "render --out out", "pulumi")


@pytest.mark.parametrize(
    ("command", "what"), [*(("config check", what) for what in WRONG), *((name, "YAML syntax") for name in COMMANDS)]
)
def test_wrong_settings_are_one_message_and_change_nothing(
    command: str, what: str, project: Path, slipway: Run, fake_kubectl: FakeProgram, pulumi: FakePulumi
) -> None:
    old, new, told = WRONG[what]
    (project / "Pulumi.dev.yaml").write_text(STACK.replace(old, new), encoding="utf-8")
    before = sorted(project.iterdir())
    result = slipway(*command.split())
    assert result.exit_code == 1
    assert result.stderr.startswith("error: Pulumi.dev.yaml: ")
    assert told in result.stderr
    assert "nothing was changed" in result.stderr
    assert "Traceback" not in result.output
    assert result.stdout == ""
    assert fake_kubectl.calls == pulumi.calls == []
    assert sorted(project.iterdir()) == before


@pytest.mark.usefixtures("project")
def test_a_missing_stack_file_is_told(slipway: Run) -> None:
    result = slipway("up", "--stack", "prdo")
    assert result.exit_code == 1
    assert "Pulumi.prdo.yaml" in result.stderr
    assert "does not exist" in result.stderr
    assert "Pulumi.dev.yaml" in result.stderr


def test_a_directory_without_project_is_told(slipway: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLIPWAY_PROJECT", str(tmp_path))
    result = slipway("status")
    assert result.exit_code == 1
    assert "holds no Pulumi.yaml" in result.stderr


UNREACHABLE = (
    "The connection to the server 127.0.0.1:1 was refused - did you specify the right host or port?",
    "Unable to connect to the server: dial tcp: lookup nowhere.invalid: no such host",
    "Unable to connect to the server: net/http: request canceled (Client.Timeout exceeded)",
)


@pytest.mark.parametrize(
    ("command", "said"),
    [("status", said) for said in UNREACHABLE]
    + [(name, UNREACHABLE[0]) for name in ("up", "preview", "down", "drift", "refresh")],
)
@pytest.mark.usefixtures("project")
def test_an_unreachable_cluster_is_one_message(
    command: str, said: str, slipway: Run, fake_kubectl: FakeProgram, pulumi: FakePulumi
) -> None:
    fake_kubectl.on(".", err=f"E1121 memcache.go: noise\n{said}\n", code=1)
    result = slipway(command)
    assert result.exit_code == 1
    assert "error: cluster local (context test) does not answer" in result.stderr
    assert said.splitlines()[-1] in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.output
    assert pulumi.state is None


@pytest.mark.usefixtures("project")
def test_a_context_that_does_not_exist_is_told(slipway: Run, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on(".", err='error: context "test" does not exist\n', code=1)
    result = slipway("status")
    assert result.exit_code == 1
    assert "context test cannot be used" in result.stderr
    assert "kubectl config get-contexts" in result.stderr


def test_kube_context_takes_the_place_of_the_embedded_cluster(
    project: Path, slipway: Run, fake_kubectl: FakeProgram, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = STACK.replace("kind: existing\n      context: test\n      nodeAddress: 127.0.0.1", "kind: embedded")
    (project / "Pulumi.dev.yaml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("KUBE_CONTEXT", "mine")
    fake_kubectl.on("get", [])
    assert slipway("status").exit_code == 1
    assert fake_kubectl.calls
    assert all("--context=mine" in call.arguments for call in fake_kubectl.calls)


@pytest.fixture
def raised(project: Path, monkeypatch: pytest.MonkeyPatch, slipway: Run) -> Raised:
    """A command in which something is raised."""
    assert project.is_dir()

    def run(error: BaseException) -> Result:
        def broken() -> Path:
            raise error

        monkeypatch.setattr("ops.project.project_dir", broken)
        return slipway("render", "--out", "out")

    return run


def test_something_unexpected_is_a_sentence_and_a_file(raised: Raised, tmp_path: Path) -> None:
    result = raised(ZeroDivisionError("a mistake of ours"))
    assert result.exit_code == 1
    assert "something unexpected happened (ZeroDivisionError: a mistake of ours)" in result.stderr
    assert "Traceback" not in result.output
    (saved,) = (tmp_path / "cache" / "log").iterdir()
    assert str(saved) in result.stderr
    assert "Traceback" in saved.read_text(encoding="utf-8")


def test_ctrl_c_is_one_line_and_130(raised: Raised) -> None:
    result = raised(KeyboardInterrupt())
    assert result.exit_code == 130
    assert result.stderr.splitlines() == ["interrupted; run the same command again to continue"]


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.EROFS, "Read-only file system", "out"), "(out); name a place that can be written"),
        (PermissionError(errno.EACCES, "Permission denied", "out"), f"(out); this runs as user {os.geteuid()}"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_sentence(error: OSError, told: str, raised: Raised) -> None:
    assert raised(error).stderr == f"error: {error.strerror} {told}\n"


def test_a_full_disk_is_told(project: Path, tmp_path: Path) -> None:
    # A limit on the size of files fails a write as a full disk does.
    small = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (2000, 2000))
    done = in_a_process("render", "--out", str(tmp_path / "out"), before=small)
    assert done.returncode == 1
    assert "error: no space left to write" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.is_dir()


def in_a_process(
    *arguments: str, before: Callable[[], object] | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    code = "import ops.cli, sys; sys.argv = ['slipway', *sys.argv[1:]]; ops.cli.main()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        preexec_fn=before,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )


_MAIN = "import ops.cli, sys; sys.argv = ['slipway', *sys.argv[1:]]; ops.cli.main()"


def at_a_terminal(arguments: list[str], answer: str, program: str = _MAIN, **env: str) -> tuple[int, str]:
    """Exit code, and all that a person sees who answers a question."""
    own, theirs = pty.openpty()
    # Ctrl-C reaches those whose terminal it is.
    code = f"import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n{program}"
    environment = {name: value for name, value in os.environ.items() if name != "CI"} | env
    command = [sys.executable, "-c", code, *arguments]
    seen = b""
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    ) as process:
        os.close(theirs)
        with contextlib.suppress(OSError):  # the other side is closed
            while piece := os.read(own, 4096):
                seen += piece
                if b"[y/N]: " in seen and answer:
                    os.write(own, answer.encode())
                    answer = ""
    os.close(own)
    return process.returncode, seen.decode()


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("command", "question"), [("up", "Make stack dev"), ("down", "Remove everything")])
def test_a_person_is_asked_before_anything_is_changed(command: str, question: str) -> None:
    code, seen = at_a_terminal([command], "n\n")
    assert code == 1
    assert question in seen
    assert "nothing was changed" in seen


@pytest.mark.parametrize(
    ("yes", "env", "answer", "asked", "code"),
    [
        (False, {}, "y\n", True, 0),
        (False, {}, "\n", True, 1),
        (True, {}, "", False, 0),
        (False, {"CI": "true"}, "", False, 0),
        (False, {}, "\x03", True, 130),
        (False, {}, "\x04", True, 1),
    ],
    ids=["agreed", "no is the default", "said so", "a machine", "Ctrl-C", "Ctrl-D"],
)
def test_who_is_asked(yes: bool, env: dict[str, str], answer: str, asked: bool, code: int) -> None:
    program = (
        "import ops.app, ops.cli, typer; ops.app.app = typer.Typer(cls=ops.app._Guarded)\n"
        "from ops.commands.options import ask\n"
        f"ops.app.app.command()(lambda: ask('Sure?', yes={yes})); ops.app.app.command('other')(lambda: None)\n"
        "import sys; sys.argv = ['slipway', '<lambda>']; ops.cli.main()"
    )
    found, seen = at_a_terminal([], answer, program, **env)
    assert ("Sure?" in seen) is asked
    assert found == code


def test_the_version_is_told(slipway: Run) -> None:
    assert slipway("--version").stdout == f"slipway {importlib.metadata.version('slipway')}\n"


def test_grpc_has_no_part_in_starting_programs() -> None:
    """Its fork handlers made a program crash now and then before it began."""
    code = """if True:
        import os, sys
        sys.argv = ["slipway", "--help"]
        import ops.cli
        assert "grpc" not in sys.modules
        try:
            ops.cli.main()
        finally:
            print(os.environ["GRPC_ENABLE_FORK_SUPPORT"])
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GRPC_")}
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "false"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_closed_standard_stream_does_no_harm(closed: int) -> None:
    done = in_a_process("config", "check", before=partial(os.close, closed))
    assert (done.returncode, done.stderr) == (0, "")
    assert ("nothing is wrong" in done.stdout) is (closed != 1)


def test_a_locale_that_is_not_utf_8_changes_no_text(project: Path) -> None:
    (project / "Pulumi.dev.yaml").write_text(STACK.replace('"1"', '"ü"'), encoding="utf-8")
    locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    assert "revision = \\xfc" in in_a_process("config", "check", env=locale).stderr
    assert "apps.\\xe4pfel is no setting" in in_a_process("config", "explain", "apps.äpfel", env=locale).stderr


@pytest.mark.usefixtures("project")
def test_render_writes_plan_and_manifests(slipway: Run, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = slipway("render", "--out", str(out), "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert told["manifests"] == {"local": str(out / "manifests" / "local")}
    assert json.loads((out / "plan.json").read_text(encoding="utf-8"))["stack"] == "dev"
    assert sorted(path.name for path in (out / "manifests" / "local").iterdir()) == ["h2o.yaml"]


@pytest.mark.usefixtures("project")
def test_the_tables_text_names_app_url_and_readiness(slipway: Run, fake_kubectl: FakeProgram) -> None:
    fake_kubectl.on("get", [])
    result = slipway("status")
    assert result.exit_code == 1
    heading, line = result.stdout.splitlines()
    assert heading.split() == ["APP", "SYSTEM", "READY", "URL", "IMAGE"]
    # What is live is shown: there is no Service yet, so nothing answers.
    assert line.split()[:5] == ["h2o-example", "h2o", "0/2", "-", "localhost:5000/h2o:1"]


def variables(text: str) -> dict[str, str]:
    """What a shell has after `eval "$(slipway pulumi --env)"`."""
    script = f"{text}\nenv -0"
    done = subprocess.run(["/bin/bash", "-c", script], env={}, capture_output=True, text=True, check=True)
    pairs = (line.partition("=") for line in done.stdout.split("\0") if line)
    return {name: value for name, _, value in pairs}


@pytest.mark.usefixtures("project")
def test_the_plain_cli_gets_what_slipways_own_runs_have(slipway: Run, pulumi: FakePulumi, tmp_path: Path) -> None:
    result = slipway("pulumi", "--env")
    assert (result.exit_code, result.stderr) == (0, "")
    given = variables(result.stdout)
    home = tmp_path / "data" / "slipway"
    assert given["PULUMI_STACK"] == "dev"
    assert given["PULUMI_BACKEND_URL"] == f"file://{home}/state?metadata=skip"
    assert given["PULUMI_CONFIG_PASSPHRASE_FILE"] == str(home / "passphrase")
    assert given["PULUMI_K8S_ENABLE_PATCH_FORCE"] == "true"
    assert given["PATH"].split(":")[0] == str(pulumi.path.parent)
    assert pulumi.calls == []


@pytest.mark.usefixtures("project")
def test_pulumis_own_cli_runs_in_the_stacks_backend(slipway: Run, pulumi: FakePulumi, tmp_path: Path) -> None:
    pulumi.on("^about$")
    assert slipway("pulumi", "--", "about").exit_code == 0
    pulumi.on("^about$", error="error: wrong")
    assert slipway("pulumi", "--", "about").exit_code == 255
    assert len(pulumi.calls) == 2
    for call in pulumi.calls:
        assert call.directory == str(tmp_path / "data" / "slipway" / "work" / "dev")
        assert call.environment["PULUMI_STACK"] == "dev"
        assert call.environment["PULUMI_CONFIG_PASSPHRASE_FILE"]


def test_pulumis_settings_are_those_of_the_projects_file(slipway: Run, pulumi: FakePulumi, project: Path) -> None:
    """Even where it is wrong, so that it can be put right."""
    file = project / "Pulumi.dev.yaml"
    file.write_text("config:\n  slipway:apps: {nope: {}}\n", encoding="utf-8")
    pulumi.on("^config")
    assert slipway("pulumi", "--", "config", "set", "--path", "slipway:apps.nginx.replicas", "4").exit_code == 0
    (call,) = pulumi.calls
    assert call.line == f"config --config-file {file} set --path slipway:apps.nginx.replicas 4"
    assert call.directory == str(project)
    assert call.environment["PULUMI_CONFIG_PASSPHRASE_FILE"]
