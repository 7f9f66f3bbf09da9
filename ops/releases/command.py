"""What `release`, `rollback` and `history` have in common: from the command line's words to the work and its output."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ops.access import LOCAL_KINDS
from ops.engines.base import TITLES
from ops.engines.choice import choose
from ops.errors import OpsError, RefusedError
from ops.output import console, print_json, progress
from ops.project import project_dir
from ops.releases import history
from ops.releases.flow import Release, RolledBackError, Wish
from ops.releases.live import look, reach
from ops.releases.tags import check_tag
from ops.releases.target import find, tag_of

if TYPE_CHECKING:
    from local.progress import Progress
    from ops.kube import Kubectl
    from ops.releases.flow import Report
    from ops.releases.history import Entry, Kind
    from ops.releases.target import Releasable


def run(
    kind: Kind,
    app: str,
    tag: str | None,
    stack: str,
    *,
    build: bool,
    engine: str | None,
    timeout: float,
    as_json: bool,
) -> None:
    """Release or go back, and print what came of it.

    Args:
        kind: Which of the two.
        app: Name of the app.
        tag: The tag; None, when going back: the one before.
        stack: Stack name.
        build: Whether the image is built first.
        engine: What `--engine` says, or None.
        timeout: Seconds that the rollout may take.
        as_json: Whether the result is printed as JSON.

    Raises:
        OpsError: It was refused, or it failed and was rolled back; with `as_json` the entry is printed all the same.
    """
    if tag is not None:
        check_tag(tag)
    report = progress(quiet=as_json)
    releasable = find(project_dir(), stack, app, report)
    chosen = choose(engine, report)
    settings = releasable.cluster_settings
    if settings.kind not in LOCAL_KINDS and chosen.engine != "pulumi":
        raise RefusedError(
            f"{app}: cluster {releasable.cluster} is of kind {settings.kind}: a cloud makes it, which needs Pulumi's "
            "engine (install the CLI and use --engine pulumi)"
        )
    kubectl = reach(stack, {releasable.cluster: settings}, report)[releasable.cluster]
    report.note(f"engine: {TITLES[chosen.engine]} ({chosen.reason})")
    wanted = tag if tag is not None else _previous(releasable, kubectl)
    wish = Wish(wanted, kind, chosen.engine, chosen.cli, timeout, build)
    try:
        done = Release(releasable, kubectl, wish).run()
    except RolledBackError as error:
        if as_json:
            print_json({**error.entry.as_dict(), "stack": stack, "changed": False})
        raise
    if as_json:
        print_json(done.as_dict())
    else:
        _tell(done, releasable)


def _previous(releasable: Releasable, kubectl: Kubectl) -> str:
    """The tag that ran before.

    Raises:
        RefusedError: The history knows none.
    """
    stack = releasable.config.stack
    live = look(kubectl, stack)
    running = live.history.current(releasable.app) or releasable.tag
    # What runs counts, not what somebody released last: the revision may have been raised by hand since.
    target = releasable.target(running)
    found = [live.workload(part) for part in target.parts]
    tags = [tag_of(item, part) for item, part in zip(found, target.parts, strict=True) if item]
    running = next((tag for tag in tags if tag), running)
    tag = live.history.previous(releasable.app, running)
    if tag is None:
        raise RefusedError(
            f"{releasable.app}: the history of stack {stack} knows no tag that ran before {running}; name one: slipway "
            f"rollback {releasable.app} --to TAG --stack {stack}"
        )
    return tag


def _tell(done: Report, releasable: Releasable) -> None:
    out = console()
    named = f"; {done.written}: {releasable.path} = {done.after}" if done.written else ""
    if done.result == "nothing to do":
        out.print(f"{done.app} runs {done.after} on stack {done.stack} already, nothing to do{named}", markup=False)
        return
    out.print(
        f"{done.app} runs {done.after} (before: {done.before}) on stack {done.stack}, proven after "
        f"{done.seconds:.1f} s (engine: {TITLES[done.engine]}){named}",
        markup=False,
    )


def entries(app: str | None, stack: str, report: Progress) -> list[Entry]:
    """The history of a stack, of one app or of all, newest first.

    Args:
        app: Name of an app, or None.
        stack: Stack name.
        report: Where to report.

    Raises:
        SettingsError: The settings are wrong.
        OpsError: There is no such app, or a cluster does not answer.
    """
    from stacks.settings import parse
    from stacks.stack_file import read_stack_config, stack_file

    directory = project_dir()
    if not stack_file(directory, stack).is_file():
        from ops.environments.files import restore

        restore(directory, stack, report)
    config = read_stack_config(directory, stack)
    context = os.environ.get("KUBE_CONTEXT") or None
    settings = parse(config.values, project=config.project, source=config.source, kube_context=context)
    clusters = dict(sorted(settings.clusters.items()))
    found = [history.read(kubectl, stack) for kubectl in reach(stack, clusters, report).values()]
    mine = history.merged(found, app)
    if app is not None and not mine and app not in settings.apps.deployed():
        raise OpsError(f"{config.source} has no app {app}; there are: {', '.join(settings.apps.deployed()) or 'none'}")
    return mine
