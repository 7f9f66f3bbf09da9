"""What `release`, `rollback` and `history` have in common: from the command line's words to the work and its output."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ops.errors import OpsError
from ops.output import console, print_json, progress
from ops.project import project_dir
from ops.releases.tags import check_tag

if TYPE_CHECKING:
    from local.progress import Progress
    from ops.releases.history import Entry, Kind


def run(
    kind: Kind, app: str, tag: str | None, stack: str, *, timeout: float, as_json: bool, build: bool = False
) -> None:
    """Release or go back, and print what came of it; with `as_json` the entry also when it was rolled back."""
    from ops.pulumi import cli
    from ops.releases.flow import Release, RolledBackError
    from ops.releases.target import find

    if tag is not None:
        check_tag(tag)
    report = progress(quiet=as_json)
    releasable = find(project_dir(), stack, app, report)
    try:
        done = Release(releasable, cli.find(report), kind, tag, timeout).run(build=build)
    except RolledBackError as error:
        if as_json:
            print_json({**error.entry.as_dict(), "stack": stack, "changed": False})
        raise
    if as_json:
        print_json(done.as_dict(stack))
        return
    runs = f"{app} runs {done.entry.after}"
    named = f"; {done.file}: {releasable.path} = {releasable.value_for(done.entry.after)}" if done.file else ""
    text = (
        f"{runs} (before: {done.entry.before}) on stack {stack}, proven after {done.seconds:.1f} s{named}"
        if done.changed
        else f"{runs} on stack {stack} already, nothing to do{named}"
    )
    console().print(text, markup=False)


def entries(app: str | None, stack: str, report: Progress) -> list[Entry]:
    """The history of a stack, of one app or of all, newest first; raises OpsError where there is no such app."""
    from ops.load import load
    from ops.pulumi import cli
    from ops.pulumi.session import open_stack
    from ops.releases import history

    loaded = load(stack, report)
    with open_stack(cli.find(report), loaded, create=False) as session:
        known = history.read(session)
    mine = [entry for entry in reversed(known.entries) if app in (None, entry.app)]
    apps = sorted({part.part_of or part.name for part in loaded.rendered.apps})
    if app is not None and not mine and app not in apps:
        raise OpsError(f"stack {stack} has no app {app}; there are: {', '.join(apps) or 'none'}")
    return mine
