"""The commands of `slipway`, and how their errors are told."""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from local.cli import app as local_app
from local.errors import LocalError
from ops.commands import (
    bootstrap,
    compare,
    config,
    credentials,
    doctor,
    down,
    drift,
    env,
    github,
    graph,
    history,
    images,
    policy,
    preview,
    pulumi,
    recover,
    refresh,
    release,
    render,
    rollback,
    rotate,
    status,
    up,
)
from ops.errors import INTERRUPTED, INTERRUPTED_TEXT, OpsError
from ops.verbose import VERBOSE, is_verbose

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path


class _Guarded(TyperGroup):
    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            _say(INTERRUPTED_TEXT)
            raise typer.Exit(INTERRUPTED) from None
        except (OpsError, LocalError) as error:
            _fail(str(error))
        except BrokenPipeError:
            # Whoever read our output (head, less) has seen enough.
            sys.stderr.close()
            raise typer.Exit(1) from None
        except OSError as error:
            _fail(_about_system(error))
        except (typer.Exit, typer.Abort):
            raise
        except Exception as error:
            if type(error).__name__ == "SettingsError":  # by name: importing it takes longer than `--help` may
                _fail(str(error))
            if type(error).__module__.startswith("typer."):
                raise  # wrong usage; Typer explains it
            _fail(_about_unexpected(error))


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _fail(text: str) -> None:
    _say(f"error: {text}")
    raise typer.Exit(1)


def _about_system(error: OSError) -> str:
    where = f" ({error.filename})" if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"no space left to write{where}: {error.strerror}; free some space and run the same command again"
    if error.errno == errno.EROFS:
        return f"{error.strerror}{where}; name a place that can be written"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{error.strerror}{where}; this runs as user {os.geteuid()}"
    return f"{error.strerror or error}{where}; {_saved(error)}"


def _about_unexpected(error: Exception) -> str:
    said = (str(error).splitlines() or [""])[0]
    return f"something unexpected happened ({type(error).__name__}: {said}); {_saved(error)}"


def _saved(error: BaseException) -> str:
    """Keep the traceback in a file and say where."""
    from local import paths

    if is_verbose():
        traceback.print_exception(error)
    path: Path = paths.cache() / "log" / f"error-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError:
        return "its details could not be saved"
    return f"its details are in {path}"


app = typer.Typer(
    name="slipway",
    cls=_Guarded,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        import importlib.metadata

        typer.echo(f"slipway {importlib.metadata.version('slipway')}")
        raise typer.Exit


@app.callback()
def _options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every step, and the details of an error.")] = False,
) -> None:
    """One Pulumi program that provisions clouds and deploys applications, per stack."""
    if verbose:
        os.environ[VERBOSE] = "1"


_GROUPS: Mapping[str, Mapping[str, Callable[..., None] | typer.Typer]] = {
    "A stack": {
        "up": up.up,
        "preview": preview.preview,
        "status": status.status,
        "down": down.down,
        "drift": drift.drift,
        "refresh": refresh.refresh,
        "recover": recover.recover,
        "env": env.app,
    },
    "Its apps": {
        "release": release.release,
        "rollback": rollback.rollback,
        "history": history.history,
        "credentials": credentials.credentials,
        "rotate": rotate.rotate,
    },
    "Its settings and its plan, without a cluster": {
        "config": config.app,
        "render": render.render,
        "policy": policy.policy,
        "compare": compare.compare,
        "graph": graph.graph,
    },
    "This machine": {
        "local": local_app,
        "images": images.app,
        "doctor": doctor.doctor,
        "pulumi": pulumi.pulumi,
    },
    "Clouds and workflows": {"bootstrap": bootstrap.bootstrap, "github": github.app},
}
for _group, _commands in _GROUPS.items():
    for _name, _command in _commands.items():
        if isinstance(_command, typer.Typer):
            app.add_typer(_command, name=_name, rich_help_panel=_group)
        else:
            app.command(_name, rich_help_panel=_group)(_command)
