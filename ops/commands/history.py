"""`slipway history`."""

from ops.commands.options import DEFAULT_STACK, AsJson, MaybeApp, StackName

_COLORS = {"released": "green", "rolled back": "yellow", "failed": "red", "unfinished": "magenta"}


def history(app: MaybeApp = None, stack: StackName = DEFAULT_STACK, as_json: AsJson = False) -> None:
    """Show who released what and when, newest first."""
    from rich.markup import escape
    from rich.table import Table

    from ops.errors import OpsError
    from ops.load import load
    from ops.output import console, print_json, progress
    from ops.pulumi import cli
    from ops.pulumi.session import open_stack
    from ops.releases.history import read

    report = progress(quiet=as_json)
    loaded = load(stack, report)
    with open_stack(cli.find(report), loaded, create=False) as session:
        found = [entry for entry in reversed(read(session).entries) if app in (None, entry.app)]
    apps = sorted({part.part_of or part.name for part in loaded.rendered.apps})
    if app is not None and not found and app not in apps:
        raise OpsError(f"stack {stack} has no app {app}; there are: {', '.join(apps) or 'none'}")
    if as_json:
        print_json([entry.as_dict() for entry in found])
        return
    if not found:
        console().print(f"stack {stack}: nothing was released yet" if app is None else f"{app}: never released")
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("WHEN", "APP", "FROM", "TO", "RESULT", "WHO"):
        table.add_column(heading, no_wrap=heading != "WHO", overflow="fold")
    for entry in found:
        kind = f" ({entry.kind})" if entry.kind == "rollback" else ""
        result = f"[{_COLORS[entry.result]}]{entry.result}{kind}[/]"
        when = f"{entry.at[:19].replace('T', ' ')}Z"
        table.add_row(when, entry.app, entry.before or "-", entry.after, result, escape(entry.who))
    console().print(table)
