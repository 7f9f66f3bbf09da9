"""Where Pulumi's engine keeps its state, and the directory it runs in."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from local import paths
from ops import tools
from ops.engines import own_state
from ops.errors import OpsError
from stacks.stack_file import stack_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.stack import Stack

BACKEND_VARIABLE = "PULUMI_BACKEND_URL"
_DEV = "dev"
_PASSPHRASE_BYTES = 32
_KEPT_KEYS = ("encryptionsalt", "secretsprovider", "encryptedkey")


def data_home() -> Path:
    """`$XDG_DATA_HOME/slipway`, else `~/.local/share/slipway`: what is not in the cache because it cannot be remade."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base else Path.home() / ".local" / "share") / "slipway"


@dataclass(frozen=True)
class Place:
    """Where the engine works for a stack.

    Attributes:
        directory: Working directory of Pulumi.
        environment: Variables for Pulumi, beside those of this process.
        own_state: Directory of our own file backend; None where the state is in another one.
        drop: Variables of this process that must not reach Pulumi.
        secrets_provider: What encrypts the secrets of a stack that is new to its backend, from the stack file; None
            for the backend's own way.
    """

    directory: Path
    environment: Mapping[str, str]
    own_state: Path | None = None
    drop: tuple[str, ...] = ()
    secrets_provider: str | None = None


def place(stack: Stack) -> Place:
    """Decide where the engine works, and prepare it.

    `PULUMI_BACKEND_URL`, a backend in Pulumi.yaml, or for other stacks than dev the backend that somebody is logged in
    to: then Pulumi works in the project directory, as when called by hand. Otherwise our own file backend: Pulumi then
    works in a directory of its own beside the state, because it would write the salt of this machine's passphrase into
    the project's stack file.

    Args:
        stack: The stack.

    Returns:
        The place. Our own backend and its passphrase file (mode 0600) are made if they are not there.
    """
    environment = {**_kubeconfig(stack), "PATH": _path()}
    home = data_home()
    state, work = home / "state", home / "work" / stack.name
    if os.environ.get(BACKEND_VARIABLE) or _project(stack).get("backend") or (stack.name != _DEV and _logged_in()):
        if not stack.is_environment:
            return Place(directory=stack.directory, environment=environment, secrets_provider=_secrets_provider(stack))
        # Its file is not where Pulumi would look for it.
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_work(stack, work)
        return Place(directory=work, environment=environment, secrets_provider=_secrets_provider(stack))
    for directory in (state, work):
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    own_state.mend(state)
    environment[BACKEND_VARIABLE] = own_state.url(state)
    environment["PULUMI_CONFIG_PASSPHRASE_FILE"] = str(_passphrase(home))
    # What somebody changed by hand is put right, as by the other engine, instead of being a conflict.
    environment["PULUMI_K8S_ENABLE_PATCH_FORCE"] = "true"
    _write_work(stack, work)
    return Place(directory=work, environment=environment, own_state=state, drop=("PULUMI_CONFIG_PASSPHRASE",))


def _secrets_provider(stack: Stack) -> str | None:
    """What encrypts secrets by the stack file (`awskms://…`, `gcpkms://…`); None if it does not say."""
    said = _mapping(stack_file(stack.directory, stack.name)).get("secretsprovider")
    return str(said) if said else None


def _path() -> str:
    """PATH with the uv that the project's scripts installed behind it: Pulumi asks uv about the program."""
    fetched = sorted(str(uv.parent) for uv in paths.cache().glob("uv/*/bin/uv"))
    return os.pathsep.join([os.environ.get("PATH", ""), *fetched[-1:]])


def _project(stack: Stack) -> dict[str, Any]:
    text = (stack.directory / "Pulumi.yaml").read_text(encoding="utf-8")
    return cast("dict[str, Any]", yaml.safe_load(text))


def _logged_in() -> bool:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        credentials = cast("dict[str, Any]", json.loads((home / "credentials.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False
    return bool(credentials.get("current"))


def _kubeconfig(stack: Stack) -> dict[str, str]:
    """One kubeconfig for the provider, which unlike kubectl takes no list of files.

    Raises:
        OpsError: Several files have to be merged and kubectl cannot read them.
    """
    kinds = {cluster.kind for cluster in stack.rendered.clusters.values()}
    theirs = os.environ.get("KUBECONFIG", "")
    if kinds == {"embedded"}:
        return {"KUBECONFIG": str(paths.KUBECONFIG)}
    if "embedded" not in kinds and os.pathsep not in theirs:
        return {}
    files = [str(paths.KUBECONFIG)] if "embedded" in kinds else []
    listed = os.pathsep.join([*files, theirs or str(Path.home() / ".kube" / "config")])
    done = subprocess.run(
        [str(tools.find("kubectl", stack.progress)), "config", "view", "--flatten", "--raw"],
        env={**tools.environment(), "KUBECONFIG": listed},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise OpsError(f"KUBECONFIG = {listed} cannot be read: {done.stderr.strip()}")
    merged = data_home() / "kubeconfig"
    merged.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(merged, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        handle.write(done.stdout)
    return {"KUBECONFIG": str(merged)}


def _passphrase(home: Path) -> Path:
    file = home / "passphrase"
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        file.chmod(0o600)
        return file
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(secrets.token_urlsafe(_PASSPHRASE_BYTES))
    return file


def _write_work(stack: Stack, work: Path) -> None:
    """The project's two files, for a run from here: with absolute paths, and with the salt that Pulumi wrote here."""
    project = _project(stack)
    program = _program(stack)
    project["main"] = str(program)
    runtime = project.get("runtime")
    if isinstance(runtime, dict):
        options = cast("dict[str, Any]", runtime).setdefault("options", {})
        if "virtualenv" in options:
            options["virtualenv"] = str(program / str(options["virtualenv"]))
    (work / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")
    name = f"Pulumi.{stack.name}.yaml"
    settings = _mapping(stack_file(stack.directory, stack.name))
    kept = {k: v for k, v in _mapping(work / name).items() if k in _KEPT_KEYS}
    (work / name).write_text(yaml.safe_dump({**kept, **settings}, sort_keys=False), encoding="utf-8")


def _program(stack: Stack) -> Path:
    """Directory of the program: uv, which Pulumi asks, needs the lock there; a mere directory of settings has none."""
    return stack.directory if (stack.directory / "uv.lock").is_file() else Path(__file__).resolve().parents[2]


def _mapping(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    return cast("dict[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")) or {})
