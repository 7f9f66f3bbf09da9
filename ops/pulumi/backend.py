"""Where Pulumi keeps the state of a stack, and the directory it runs in."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import yaml

from local.pki import write_private
from ops import tools
from ops.errors import OpsError
from stacks.stack_file import stack_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ops.stack import Stack

BACKEND_VARIABLE = "PULUMI_BACKEND_URL"
_PASSPHRASE_VARIABLE = "PULUMI_CONFIG_PASSPHRASE"  # noqa: S105 - the name of a variable
_DEV = "dev"
_PASSPHRASE_BYTES = 32
_ROOM_BYTES = 32 * 2**20
_SECRETS_LINE = re.compile(r"^(?:encryptionsalt|encryptedkey):.*\n?", re.MULTILINE)


def data_home() -> Path:
    """`$XDG_DATA_HOME/slipway`, else `~/.local/share/slipway`: what is not in the cache because it cannot be remade."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if base else Path.home() / ".local" / "share") / "slipway"


@dataclass(frozen=True)
class Backend:
    """Where Pulumi works for a stack. `url` is empty for the backend that somebody is logged in to; `own` is the
    directory of our own file backend, None where the state is in another one; `drop` names variables of this process
    that must not reach Pulumi. `secrets_provider` is the stack file's, for a stack that is new to its backend; None:
    the backend's own way."""

    url: str
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])
    own: Path | None = None
    drop: tuple[str, ...] = ()
    secrets_provider: str | None = None

    def has_lock(self, project: str, stack: str) -> bool:
        """Whether our own backend has a lock of the stack; False for other backends, which are not ours to judge."""
        return self.own is not None and any((self.own / ".pulumi/locks").glob(f"organization/{project}/{stack}/*.json"))


def refuse_full(where: Backend) -> None:
    """On a full disk Pulumi goes on without its events, and nobody knows what it did. Raises OSError where a directory
    that is written to has less than 32 MiB free."""
    for directory in filter(None, (tempfile.gettempdir(), where.own)):
        if shutil.disk_usage(directory).free < _ROOM_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(directory))


def backend_url(directory: Path, stack: str) -> str:
    """URL of the backend of a stack: `PULUMI_BACKEND_URL`, a backend in Pulumi.yaml, or for other stacks than dev the
    one that somebody is logged in to (empty). Otherwise our own, files on this machine."""
    in_project = cast("dict[str, Any]", _mapping(directory / "Pulumi.yaml").get("backend") or {})
    said = os.environ.get(BACKEND_VARIABLE) or in_project.get("url")
    if said:
        return str(said)
    return "" if stack != _DEV and _logged_in() else file_url(data_home() / "state")


def file_url(state: Path) -> str:
    """URL of a backend of files, without metadata (`metadata=skip` of gocloud.dev's fileblob, which Pulumi keeps its
    files with): it would stand in a file beside each, which is not written at once like the file itself. A kill between
    leaves it empty, and then Pulumi fails to read the state: "failed to load checkpoint: EOF"."""
    return f"{state.as_uri()}?metadata=skip"


def backend(stack: Stack) -> Backend:
    """Decide where Pulumi works for a stack, and prepare it: our own and its passphrase file (mode 0600) are made. With
    a shared backend Pulumi works in the project's directory, as when called by hand. With our own, and for an
    environment, whose file is not where Pulumi would look for it, it works in a directory beside the state: it would
    write the salt of this machine's passphrase into the project's stack file."""
    found = of_project(stack.directory, stack.name)
    file = stack_file(stack.directory, stack.name)
    work = found.directory
    if found.own is not None or stack.is_environment:
        work = data_home() / "work" / stack.name
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
        _write_work(stack, work, file.read_text(encoding="utf-8") if file.is_file() else "")
    provider = None if found.own else _mapping(file).get("secretsprovider") or None
    environment = {**found.environment, **_kubeconfig(stack)}
    return replace(found, directory=work, environment=environment, secrets_provider=provider)


def of_project(directory: Path, stack: str) -> Backend:
    """The backend of a stack, to be asked from the project's directory: nothing about the stack itself is needed. Our
    own and its passphrase file (mode 0600) are made if they are not there."""
    url = backend_url(directory, stack)
    home = data_home()
    own = home / "state"
    if not url.startswith(own.as_uri()):
        return Backend(url, directory)
    own.mkdir(parents=True, exist_ok=True, mode=0o700)
    sweep(own)
    environment = {
        BACKEND_VARIABLE: url,
        "PULUMI_CONFIG_PASSPHRASE_FILE": str(_passphrase(home)),
        # Each file is written beside its place and renamed: a second copy of the one before only takes time.
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        # By hand in the project's directory, whose stack file has no salt: the one in the state.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    }
    return Backend(url, directory, environment, own=own, drop=(_PASSPHRASE_VARIABLE,))


def _logged_in() -> bool:
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        credentials = cast("dict[str, Any]", json.loads((home / "credentials.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return False
    return bool(credentials.get("current"))


def _kubeconfig(stack: Stack) -> dict[str, str]:
    """One kubeconfig for the provider, which takes no list of files as kubectl does; OpsError if they do not merge."""
    listed = os.environ.get("KUBECONFIG", "")
    needed = [c for c in stack.rendered.clusters.values() if c.kind == "existing" and not c.kubeconfig]
    if os.pathsep not in listed or not needed:
        return {}
    done = subprocess.run(
        [str(tools.kubectl(stack.progress)), "config", "view", "--flatten", "--raw"],
        env=tools.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise OpsError(f"KUBECONFIG = {listed} cannot be read: {done.stderr.strip()}")
    merged = data_home() / "kubeconfig"
    merged.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(merged, done.stdout)
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


def sweep(state: Path) -> None:
    """Take away what older runs that were killed left empty beside the states in a directory; nothing needs it."""
    for file in state.rglob("*.attrs"):
        with suppress(FileNotFoundError):
            if file.stat().st_size == 0:
                file.unlink()


def _write_work(stack: Stack, work: Path, settings: str) -> None:
    """The project's two files, for a run from here: with absolute paths, and with the salt that Pulumi wrote here."""
    project = _mapping(stack.directory / "Pulumi.yaml")
    project["main"] = str(stack.program)
    # The short form, `runtime: python`, says the name alone.
    said: Any = project.get("runtime")
    runtime: dict[str, Any] = {"name": said} if isinstance(said, str) else said
    project["runtime"] = runtime
    options: dict[str, Any] = runtime.setdefault("options", {})
    if "virtualenv" in options:
        options["virtualenv"] = str(stack.program / str(options["virtualenv"]))
    (work / "Pulumi.yaml").write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")
    file = work / f"Pulumi.{stack.name}.yaml"
    before = file.read_text(encoding="utf-8") if file.is_file() else ""
    file.write_text(with_secrets_of(settings, before), encoding="utf-8")


def with_secrets_of(settings: str, before: str) -> str:
    """Text of a stack file whose top-level keys about secrets are another file's, for a backend of its own; not read as
    YAML and written again: what two versions of YAML read differently stays as it is. `before` is the text of the file
    in the working directory, or empty. Without keys in it those of the project stay only where values are encrypted by
    them: they may be another machine's."""
    kept = "".join(f"{line.rstrip()}\n" for line in _SECRETS_LINE.findall(before))
    if not kept and "secure:" in settings:
        return settings
    return f"{_SECRETS_LINE.sub('', settings).rstrip()}\n{kept}"


def _mapping(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    return cast("dict[str, Any]", yaml.safe_load(file.read_text(encoding="utf-8")) or {})
