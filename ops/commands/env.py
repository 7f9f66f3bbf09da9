"""`slipway env`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ops.commands.options import DEFAULT_STACK, DEFAULT_TIMEOUT, AsJson, EngineWish, Timeout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from local.progress import Progress
    from ops.engines.base import Engine
    from ops.environments.remove import Removed
    from ops.environments.survey import Environment, Survey

app = typer.Typer(
    help="Environments for a pull request or a tutorial: stacks of their own, with an owner and an end.",
    no_args_is_help=True,
    add_completion=False,
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
_DONE = ("removed", "gone")


@app.command("create")
def create(
    name: Name,
    template: Template = DEFAULT_STACK,
    ttl: TimeToLive = "8h",
    apps: OnlyApps = None,
    owner: Owner = None,
    ephemeral: Ephemeral = False,
    update: Update = False,
    engine: EngineWish = None,
    timeout: Timeout = DEFAULT_TIMEOUT,
    as_json: AsJson = False,
) -> None:
    """Make an environment from a stack, bring it up and show where each app answers; run it again to go on."""
    from ops.answer import wait_for_answers
    from ops.engines.base import TITLES
    from ops.environments import names
    from ops.environments.create import Wish
    from ops.environments.create import create as make
    from ops.output import console, print_apps, print_json, progress
    from ops.project import project_dir
    from ops.status import all_ready, collect

    report = progress(quiet=as_json)
    wish = Wish(name, template, names.time_to_live(ttl), names.owner(owner), tuple(apps or ()), ephemeral, update)
    made = make(wish, project_dir(), _chooser(engine, report), report, timeout)
    statuses = collect(made.stack.rendered, made.stack.clusters())
    wait_for_answers(statuses, report)
    record, outcome = made.record, made.outcome
    if as_json:
        print_json(
            {
                "environment": {
                    "name": record.name,
                    "template": record.template,
                    "owner": record.owner,
                    "created": names.written(record.created),
                    "expires": names.written(record.expires),
                },
                "engine": outcome.engine,
                "changed": outcome.changed,
                "apps": [entry.as_dict() for entry in statuses],
            }
        )
    else:
        print_apps(statuses)
        done = "is up" if outcome.changed else "is up, no changes"
        left = names.span(record.expires - names.now())
        console().print(
            f"environment {name} {done} (engine: {TITLES[outcome.engine]}); of {record.owner}, its time is over in "
            f"{left}, at {names.written(record.expires)}"
        )
    if not all_ready(statuses):
        raise typer.Exit(1)


@app.command("list")
def list_environments(as_json: AsJson = False) -> None:
    """Show the environments on every cluster that this project's stack files lead to, their owners and time left."""
    from ops.environments.survey import survey
    from ops.output import console, print_json, progress
    from ops.project import project_dir

    found = survey(project_dir(), progress(quiet=as_json), readiness=True)
    if as_json:
        print_json({"environments": [_entry(entry) for entry in found.environments], **_unseen(found)})
        return
    _tell_unseen(found)
    if not found.environments:
        console().print("there are no environments")
        return
    _print_table(found.environments)


@app.command("extend")
def extend(name: Name, ttl: TimeToLive, as_json: AsJson = False) -> None:
    """Give an environment more (or less) time, counted from now."""
    from ops.environments import names
    from ops.environments import record as records
    from ops.environments.survey import survey
    from ops.environments.turn import turn
    from ops.errors import RefusedError
    from ops.output import console, print_json, progress
    from ops.project import project_dir

    names.check_name(name)
    until = names.now() + names.time_to_live(ttl)
    there = survey(project_dir(), progress(quiet=as_json), only=name)
    changed = False
    for environment in there.named(name):
        clusters = [there.kubectl(place) for place in environment.places.values()]
        with turn(name, clusters, "env extend"):
            updated = [records.update(kubectl, name, expires=until) for kubectl in clusters]
        changed = changed or any(updated)
    if not changed:
        raise RefusedError(f"environment {name} is not there; {_where(there)}")
    if as_json:
        print_json({"name": name, "expires": names.written(until)})
    else:
        console().print(f"environment {name}: its time is over in {ttl}, at {names.written(until)}")


@app.command("delete")
def delete(
    name: Name, timeout: Timeout = DEFAULT_TIMEOUT, yes_remove_durable: RemoveDurable = None, as_json: AsJson = False
) -> None:
    """Remove an environment, whatever time it has left, and prove that nothing is left."""
    from ops.environments.files import forget
    from ops.environments.names import check_name
    from ops.environments.remove import Remover
    from ops.environments.survey import survey
    from ops.output import console, print_json, progress
    from ops.project import project_dir

    check_name(name)
    report = progress(quiet=as_json)
    there = survey(project_dir(), report, only=name)
    remover = Remover(project_dir(), _chooser(None, report), report, timeout)
    results = [
        remover.remove(environment, only_expired=False, durable=yes_remove_durable == name)
        for environment in there.named(name)
    ]
    if not results and not there.silent:
        forget(project_dir(), name)
    if as_json:
        print_json({"name": name, "removed": any(r.result == "removed" for r in results), **_unseen(there)})
        return
    _tell_unseen(there)
    console().print(
        f"environment {name} is gone, nothing is left"
        if results
        else f"environment {name}: nothing to remove; {_where(there)}"
    )


@app.command("reap")
def reap(dry_run: DryRun = False, timeout: Timeout = DEFAULT_TIMEOUT, as_json: AsJson = False) -> None:
    """Remove the environments whose time is over; exit code not 0 when one of them could not be removed."""
    from ops.environments import remove
    from ops.environments.files import sweep
    from ops.environments.survey import survey
    from ops.output import console, print_json, progress
    from ops.project import project_dir

    report = progress(quiet=as_json)
    directory: Path = project_dir()
    there = survey(directory, report)
    if dry_run:
        results = remove.dry_run(there)
    else:
        results = remove.Remover(directory, _chooser(None, report), report, timeout).reap(there)
        sweep(directory, there)
    if as_json:
        print_json({"environments": [result.as_dict() for result in results], **_unseen(there)})
    else:
        _tell_unseen(there)
        for result in results:
            why = f": {result.why}" if result.why else ""
            console().print(f"{result.name} {result.result.replace('-', ' ')}{why}", markup=False)
        console().print(_summary(results, there))
    if there.broken or any(result.result == "failed" for result in results):
        raise typer.Exit(1)


def _summary(results: Sequence[Removed], there: Survey) -> str:
    kept = len(there.environments) - len(results)
    if not results:
        return f"nothing to remove; {kept} environments have time left"
    done = sum(result.result in _DONE for result in results)
    would = sum(result.result == "would-remove" for result in results)
    if would:
        return f"{would} environments would be removed, {kept} have time left"
    return f"{done} of {len(results)} environments removed, {kept} have time left"


def _chooser(option: str | None, report: Progress) -> Callable[[str | None], Engine]:
    """Makes the engine: the one that is asked for, else the one that an environment has, else the usual choice."""

    def choose(known: str | None) -> Engine:
        from ops.commands.engine import engine

        return engine(option or known, report)

    return choose


def _where(there: Survey) -> str:
    asked = ", ".join(f"{place.name} ({kubectl.access})" for place, kubectl in there.reached)
    return f"asked: {asked}"


def _unseen(there: Survey) -> dict[str, Any]:
    return {"unreachable": there.silent, "broken": there.broken}


def _tell_unseen(there: Survey) -> None:
    from ops.output import errors

    for reason in there.silent.values():
        errors().print(f"left out: {reason}", markup=False)
    for reason in there.broken:
        errors().print(f"left out: {reason}", markup=False)


def _entry(environment: Environment) -> dict[str, Any]:
    """The entry of `slipway env list --json`."""
    from ops.environments import names

    record, now = environment.record, names.now()
    durable = record.lifecycle == "durable"
    return {
        "name": record.name,
        "template": record.template,
        "owner": record.owner,
        "engine": record.engine,
        "state": record.state,
        "lifecycle": record.lifecycle,
        "created": names.written(record.created),
        "expires": None if durable else names.written(record.expires),
        "ageSeconds": int((now - record.created).total_seconds()),
        "leftSeconds": None if durable else int((record.expires - now).total_seconds()),
        "expired": record.expired,
        "clusters": {name: place.context for name, place in environment.places.items()},
        "ready": environment.ready,
        "apps": environment.apps,
    }


def _print_table(environments: Sequence[Environment]) -> None:
    from rich.table import Table

    from ops.environments import names
    from ops.output import console

    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("NAME", "FROM", "OWNER", "AGE", "LEFT", "CLUSTER", "ENGINE", "READY"):
        table.add_column(heading, no_wrap=True)
    now = names.now()
    for environment in environments:
        record = environment.record
        left = names.span(record.expires - now)
        over = f"[red]over for {left}[/]" if record.expired else left
        whole = environment.ready == environment.apps and record.state == "ready"
        state = "" if record.state == "ready" else f" ({record.state})"
        table.add_row(
            record.name,
            record.template,
            record.owner,
            names.span(now - record.created),
            "durable" if record.lifecycle == "durable" else over,
            ", ".join(environment.places),
            record.engine,
            f"[{'green' if whole else 'red'}]{environment.ready}/{environment.apps}[/]{state}",
        )
    console().print(table)
