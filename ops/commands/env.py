"""`slipway env`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, Timeout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from local.progress import Progress
    from ops.environments.known import Known
    from ops.environments.survey import Environment

app = typer.Typer(
    help="Environments for a pull request or a tutorial: stacks of their own, with an owner and an end.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Becomes a stack of that name; a DNS label such as pr-17.")]
TimeToLive = Annotated[str, typer.Option("--ttl", help="How long from now: 30m, 8h, 3d; at most 30d.")]
Template = Annotated[str, typer.Option("--from", metavar="STACK", help="Stack whose settings it takes over.")]
OnlyApps = Annotated[
    list[str] | None, typer.Option("--app", metavar="APP", help="Take over this app only; may be given several times.")
]
Owner = Annotated[
    str | None, typer.Option("--owner", help="Who answers for it; else GITHUB_ACTOR, else the user's name.")
]
Ephemeral = Annotated[
    bool, typer.Option("--ephemeral", help="Take a durable template all the same; what comes of it is not durable.")
]
Update = Annotated[
    bool, typer.Option("--update", help="Bring one that is there already up to date, and give it the whole time anew.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")]
RemoveDurable = Annotated[
    str | None,
    typer.Option("--yes-remove-durable", metavar="NAME", help="Name of the environment, if it was made durable."),
]


@app.command("create")
def create(
    name: Name,
    template: Template = DEFAULT_STACK,
    ttl: TimeToLive = "8h",
    apps: OnlyApps = None,
    owner: Owner = None,
    ephemeral: Ephemeral = False,
    update: Update = False,
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Make an environment from a stack, bring it up and show where each app answers; run it again to go on."""
    from ops.answer import wait_for_answers
    from ops.environments import names
    from ops.environments.create import Creation
    from ops.output import console, print_apps, print_json, progress
    from ops.status import all_ready

    report = progress(quiet=as_json)
    until, whose = names.time_to_live(ttl), names.owner(owner)
    names.check_name(name)
    asked = Creation(_known(report), report, name, template, until, whose, tuple(apps or ()), ephemeral, update)
    tags, outcome = asked.run(timeout)
    wait_for_answers(outcome.apps, report)
    created, expires = names.written(tags.created), names.written(tags.expires)
    if as_json:
        made = {"name": name, "template": tags.template, "owner": tags.owner, "created": created, "expires": expires}
        apps_made = [entry.as_dict() for entry in outcome.apps]
        print_json({"environment": made, "changed": outcome.changed, "apps": apps_made})
    else:
        print_apps(outcome.apps)
        done = "is up" if outcome.changed else "is up, no changes"
        left = names.span(tags.expires - names.now())
        console().print(f"environment {name} {done}; of {tags.owner}, its time is over in {left}, at {expires}")
    if not all_ready(outcome.apps):
        raise typer.Exit(1)


@app.command("list")
def list_environments(as_json: AsJson = False) -> None:
    """Show the project's environments in Pulumi's backend, their owners and time left, and how many apps are ready."""
    from ops.environments.survey import survey
    from ops.output import console, print_json, progress

    report = progress(quiet=as_json)
    found = survey(_known(report), report)
    if as_json:
        everyone = [entry.as_dict() for entry in found.environments]
        print_json({"environments": everyone, "unreachable": found.silent, "broken": found.broken})
        return
    _tell([*found.silent.values(), *found.broken])
    if found.environments:
        _print_table(found.environments)
    else:
        console().print("there are no environments")


@app.command("extend")
def extend(name: Name, ttl: TimeToLive, as_json: AsJson = False) -> None:
    """Give an environment more (or less) time, counted from now."""
    from ops.environments import names
    from ops.errors import RefusedError
    from ops.output import console, print_json, progress
    from ops.pulumi.lock import locked

    names.check_name(name)
    until = names.now() + names.time_to_live(ttl)
    known = _known(progress(quiet=as_json))
    with locked(known.directory, name, "env extend"):
        if known.tags(name) is None:
            raise RefusedError(f"environment {name} is not there; asked: Pulumi's backend {known.where}")
        known.extend(name, until)
    if as_json:
        print_json({"name": name, "expires": names.written(until)})
    else:
        console().print(f"environment {name}: its time is over in {ttl}, at {names.written(until)}")


@app.command("delete")
def delete(
    name: Name, timeout: Timeout = DEFAULT_TIMEOUT, yes_remove_durable: RemoveDurable = None, as_json: AsJson = False
) -> None:
    """Remove an environment, whatever time it has left, and prove that nothing is left."""
    from ops.environments.names import check_name
    from ops.environments.remove import Remover
    from ops.output import console, print_json, progress

    check_name(name)
    report = progress(quiet=as_json)
    known = _known(report)
    done = Remover(known, report, timeout).remove(name, only_expired=False, durable=yes_remove_durable == name)
    removed = done.result == "removed"
    if as_json:
        print_json({"name": name, "removed": removed})
    elif removed:
        console().print(f"environment {name} is gone, nothing is left")
    else:
        console().print(f"environment {name}: nothing to remove; asked: Pulumi's backend {known.where}")


@app.command("reap")
def reap(dry_run: DryRun = False, timeout: Timeout = DEFAULT_TIMEOUT, as_json: AsJson = False) -> None:
    """Remove the environments whose time is over; exit code not 0 when one of them could not be removed."""
    from dataclasses import asdict

    from ops.environments.files import sweep
    from ops.environments.remove import Remover
    from ops.output import console, print_json, progress

    report = progress(quiet=as_json)
    known = _known(report)
    everyone, broken = known.everyone()
    results = Remover(known, report, timeout).reap(everyone, dry_run=dry_run)
    if not dry_run and not broken:
        sweep(known, [tags.name for tags in everyone])
    if as_json:
        print_json({"environments": [asdict(result) for result in results], "broken": broken})
    else:
        _tell(broken)
        for result in results:
            why = f": {result.why}" if result.why else ""
            console().print(f"{result.name} {result.result.replace('-', ' ')}{why}", markup=False)
        kept = f"{len(everyone) - len(results)} have time left"
        done = sum(result.result in ("removed", "gone") for result in results)
        if not results:
            console().print(f"nothing to remove; {len(everyone)} environments have time left")
        elif dry_run:
            console().print(f"{len(results)} environments would be removed, {kept}")
        else:
            console().print(f"{done} of {len(results)} environments removed, {kept}")
    if broken or any(result.result == "failed" for result in results):
        raise typer.Exit(1)


def _known(report: Progress) -> Known:
    from ops.environments.known import Known
    from ops.project import project_dir
    from ops.pulumi import cli

    directory = project_dir()
    return Known(cli.find(report), directory)


def _tell(reasons: Sequence[str]) -> None:
    from ops.output import errors

    for reason in reasons:
        errors().print(f"left out: {reason}", markup=False)


def _print_table(environments: Sequence[Environment]) -> None:
    from rich.table import Table

    from ops.environments import names
    from ops.output import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("NAME", "FROM", "OWNER", "AGE", "LEFT", "CLUSTER", "READY"):
        table.add_column(heading, no_wrap=True)
    now = names.now()
    for environment in environments:
        tags, made = environment.tags, environment.made
        left = names.span(tags.expires - now)
        over = f"[red]over for {left}[/]" if tags.expired else left
        whole = environment.ready == made.apps and environment.complete
        ready = "?" if environment.ready is None else environment.ready
        table.add_row(
            tags.name,
            tags.template,
            tags.owner,
            names.span(now - tags.created),
            "durable" if made.durable else over,
            ", ".join(made.clusters),
            f"[{'green' if whole else 'red'}]{ready}/{made.apps}[/]{'' if environment.complete else ' (creating)'}",
        )
    console().print(table)
