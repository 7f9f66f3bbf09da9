"""The command line of the embedded cluster: `slipway local up|down|status|purge|kubeconfig|ca`."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from local.errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Generator

    from local.cluster import ClusterStatus, EmbeddedCluster
    from local.progress import Progress

app = typer.Typer(
    name="local",
    help="The embedded cluster: a real single-node Kubernetes on this machine.",
    no_args_is_help=True,
)
_INTERRUPTED = 130

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON and nothing else on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


@app.command()
def up(as_json: AsJson = False) -> None:
    """Bring the cluster up, or back into order; seconds when it is there already."""
    with _errors():
        cluster = _cluster()
        cluster.up(_progress(as_json))
        _print_status(cluster.status(), as_json)


@app.command()
def down(as_json: AsJson = False) -> None:
    """Stop the cluster and keep its data: the next `up` goes on with the same pods and volumes."""
    with _errors():
        cluster = _cluster()
        cluster.down(_progress(as_json))
        if as_json:
            _print_status(cluster.status(), as_json)


@app.command()
def status(as_json: AsJson = False) -> None:
    """Show what runs and answers; exit code 0 only when all does."""
    with _errors():
        found = _cluster().status()
        _print_status(found, as_json)
        if found.phase != "ready":
            raise typer.Exit(1)


@app.command()
def purge(yes: Yes = False, as_json: AsJson = False) -> None:
    """Remove the cluster, its data included, and leave the machine as it was; the cache stays."""
    if not yes and sys.stdin.isatty():
        typer.confirm("This deletes the cluster and the data of its volumes. Go on?", abort=True)
    with _errors():
        cluster = _cluster()
        cluster.purge(_progress(as_json))
        if as_json:
            _print_status(cluster.status(), as_json)


@app.command()
def kubeconfig(as_json: AsJson = False) -> None:
    """Print the path of the cluster's kubeconfig."""
    with _errors():
        from local import preflight

        preflight.check_root()
        cluster = _cluster()
        path = cluster.kubeconfig
        if not path.is_file():
            raise LocalError(f"there is no embedded cluster ({path} is missing); start it: slipway local up")
        typer.echo(json.dumps({"kubeconfig": str(path), "context": cluster.context}) if as_json else str(path))


@app.command()
def ca() -> None:
    """Print the certificate of the authority that signs the apps' HTTPS: `curl --cacert <(slipway local ca) …`."""
    with _errors():
        from local import paths, pki, preflight

        preflight.check_root()
        path = pki.certificate(paths.PKI, pki.INGRESS_AUTHORITY)
        if not path.is_file():
            raise LocalError(f"there is no authority yet ({path} is missing); make it: slipway local up")
        typer.echo(path.read_text(encoding="ascii"), nl=False)


def _cluster() -> EmbeddedCluster:
    # Here, because it loads certificates, HTTP and more, which `--help` and most commands never need.
    from local.cluster import EmbeddedCluster

    return EmbeddedCluster()


def _progress(as_json: bool) -> Progress:
    from local.progress import RichProgress, SilentProgress

    return SilentProgress() if as_json else RichProgress()


@contextmanager
def _errors() -> Generator[None]:
    """Turn what a person has to know into one message on standard error."""
    try:
        yield
    except LocalError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo("stopped; what runs stays, and the same command goes on from here", err=True)
        raise typer.Exit(_INTERRUPTED) from None


def _print_status(found: ClusterStatus, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(asdict(found), indent=2, default=str))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"embedded cluster: {found.phase}", title_justify="left")
    for column in ("part", "process", "state"):
        table.add_column(column)
    for state in found.components:
        table.add_row(state.name, str(state.pid or "-"), "ok" if state.problem is None else f"[red]{state.problem}[/]")
    for name, fine in found.addons.items():
        table.add_row(name, "pod", "ok" if fine else "[red]not available[/]")
    table.add_row("node", "-", "ok" if found.node_ready else "[red]not ready[/]")
    console = Console(highlight=False)
    console.print(table)
    if found.phase not in {"absent", "stopped"}:
        console.print(f"kubectl --context {found.context}  ·  KUBECONFIG={found.kubeconfig}", soft_wrap=True)
