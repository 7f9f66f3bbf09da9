"""Which engine a run uses, and why."""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from local import paths
from ops.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.progress import Progress
    from ops.engines.base import EngineName

ENGINE_VARIABLE = "SLIPWAY_ENGINE"
WISHES = ("auto", "pulumi", "helm")
_INSTALL_SOURCE = "https://get.pulumi.com/latest-version"
_REACH_TIMEOUT_S = 4.0
_INSTALL_TIMEOUT_S = 300
_FORGET_AFTER_S = 24 * 3600
_INSTALL = "import sys; from pulumi.automation import PulumiCommand; PulumiCommand.install(root=sys.argv[1])"


@dataclass(frozen=True)
class Choice:
    """The engine of a run.

    Attributes:
        engine: Its name.
        reason: Why, for people.
        cli: Pulumi's CLI, for Pulumi's engine.
    """

    engine: EngineName
    reason: str
    cli: Path | None = None


def wish(option: str | None) -> str:
    """The engine that was asked for: the option, else `$SLIPWAY_ENGINE`, else `auto`.

    Raises:
        RefusedError: It is none of auto, pulumi, helm.
    """
    source, value = ("--engine", option) if option else (ENGINE_VARIABLE, os.environ.get(ENGINE_VARIABLE) or "auto")
    if value not in WISHES:
        raise RefusedError(f"{source} = {value}: must be one of {', '.join(WISHES)}")
    return value


def find_cli() -> Path | None:
    """Pulumi's CLI: on PATH, in `~/.pulumi/bin`, or the one that was installed into the cache."""
    candidates = [shutil.which("pulumi"), Path.home() / ".pulumi" / "bin" / "pulumi", _own_root() / "bin" / "pulumi"]
    return next((Path(c) for c in candidates if c is not None and os.access(c, os.X_OK)), None)


def sdk_version() -> str:
    """Version of the Pulumi SDK, which is the version of the CLI that is installed."""
    return importlib.metadata.version("pulumi")


def _own_root() -> Path:
    return paths.cache() / "pulumi" / sdk_version()


def _memory() -> Path:
    return paths.cache() / "pulumi" / "unreachable.json"


def _remembered() -> str | None:
    """Why the CLI could not be installed lately, or None."""
    try:
        entry = cast("dict[str, object]", json.loads(_memory().read_text(encoding="utf-8")))
        age = time.time() - float(str(entry["at"]))
        same = entry["version"] == sdk_version()
        return str(entry["reason"]) if same and 0 <= age < _FORGET_AFTER_S else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remember(reason: str) -> None:
    _memory().parent.mkdir(parents=True, exist_ok=True)
    entry = {"at": time.time(), "version": sdk_version(), "reason": reason}
    _memory().write_text(json.dumps(entry), encoding="utf-8")


def _reach() -> str | None:
    """None when the place the CLI comes from answers, else what was wrong."""
    import httpx

    try:
        answer = httpx.get(_INSTALL_SOURCE, timeout=_REACH_TIMEOUT_S, follow_redirects=True)
    except (httpx.HTTPError, ValueError) as error:
        return f"get.pulumi.com cannot be reached ({type(error).__name__})"
    return None if answer.status_code == 200 else f"get.pulumi.com answers {answer.status_code}"


def _install(progress: Progress) -> str | None:
    """Install the CLI as the SDK does it; None when it is there then, else why not."""
    reason = _reach()
    if reason is not None:
        return reason
    with progress.step(f"install Pulumi's CLI {sdk_version()}"):
        try:
            done = subprocess.run(
                [sys.executable, "-c", _INSTALL, str(_own_root())],
                capture_output=True,
                text=True,
                timeout=_INSTALL_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return f"installing Pulumi's CLI took longer than {_INSTALL_TIMEOUT_S} s"
    if done.returncode == 0 and find_cli() is not None:
        return None
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    return f"installing Pulumi's CLI failed ({last})"


def choose(
    option: str | None, progress: Progress, *, install: Callable[[Progress], str | None] | None = None
) -> Choice:
    """Choose the engine.

    Pulumi's where there is a CLI or one can be installed; that it cannot is remembered for a day, so that not every run
    waits for a network that is not there. Helm's otherwise.

    Args:
        option: What `--engine` says, or None.
        progress: Where to report.
        install: Installs the CLI and returns why it could not (for tests).

    Returns:
        The choice.

    Raises:
        RefusedError: Pulumi's engine was asked for and there is no CLI and none to be had, or the wish is unknown.
    """
    wanted = wish(option)
    if wanted == "helm":
        return Choice("helm", "asked for")
    cli = find_cli()
    if cli is not None:
        return Choice("pulumi", "asked for" if wanted == "pulumi" else f"its CLI is {cli}", cli)
    reason = _remembered() if wanted == "auto" else None
    if reason is None:
        reason = (install or _install)(progress)
        if reason is None:
            return Choice("pulumi", "its CLI was installed", find_cli())
        _remember(reason)
    if wanted == "pulumi":
        raise RefusedError(
            f"--engine pulumi: there is no Pulumi CLI on PATH or in ~/.pulumi/bin, and {reason}; install it "
            "(https://www.pulumi.com/docs/install/) or use --engine helm"
        )
    return Choice("helm", f"there is no Pulumi CLI and {reason}")
