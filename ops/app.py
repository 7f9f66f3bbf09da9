"""The commands of `slipway`, and how their errors are told."""

from __future__ import annotations

import errno
import os
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

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

if TYPE_CHECKING:
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
    help="One Pulumi program that provisions clouds and deploys applications, per stack.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command("up")(up.up)
app.command("preview")(preview.preview)
app.command("render")(render.render)
app.command("status")(status.status)
app.command("down")(down.down)
app.command("release")(release.release)
app.command("rollback")(rollback.rollback)
app.command("rotate")(rotate.rotate)
app.command("credentials")(credentials.credentials)
app.command("history")(history.history)
app.command("drift")(drift.drift)
app.command("refresh")(refresh.refresh)
app.command("recover")(recover.recover)
app.command("pulumi")(pulumi.pulumi)
app.command("doctor")(doctor.doctor)
app.command("policy")(policy.policy)
app.command("compare")(compare.compare)
app.command("graph")(graph.graph)
app.command("bootstrap")(bootstrap.bootstrap)
app.add_typer(env.app, name="env")
app.add_typer(images.app, name="images")
app.add_typer(config.app, name="config")
app.add_typer(github.app, name="github")
app.add_typer(local_app, name="local")
