"""Whether apps still answer after a change that no pod saw: another host behind a name, another host name in front."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from ops.errors import EngineError
from ops.releases import smoke

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ops.render.result import App
    from ops.stack import Stack
    from ops.status import AppStatus

SETTLE_S = 10.0
"""How long names and rules of before may go on: CoreDNS keeps an answer for five seconds, a pod is asked thrice."""
_PAUSE_S = 1.0
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
# What leads somewhere else from one moment to the next, without a pod being replaced.
_WAYS = frozenset({"Service", "NetworkPolicy"})


def require_answers(
    stack: Stack, statuses: Iterable[AppStatus], touched: Mapping[tuple[str | None, str], set[str]]
) -> None:
    """Ask the apps in whose namespaces a run changed something; `touched` has, by cluster and namespace, the kinds of
    what changed there. Raises EngineError with the wrong answers."""
    addresses = {(status.cluster, status.name): status.url for status in statuses}
    asked = {
        app: (url, touched[app.cluster, app.namespace])
        for app in stack.rendered.apps
        if (url := addresses.get((app.cluster, app.name))) and app.smoke and (app.cluster, app.namespace) in touched
    }
    if not asked:
        return
    with (
        stack.progress.step(f"ask {', '.join(app.name for app in asked)}"),
        ThreadPoolExecutor(max_workers=len(asked)) as pool,
    ):
        looks = [pool.submit(_problem, app, url, kinds) for app, (url, kinds) in asked.items()]
        found = [problem for look in looks if (problem := look.result())]
    if found:
        raise EngineError(
            f"stack {stack.name} is installed as it should be, but not all answers rightly:\n"
            + "\n".join(found)
            + "\ncorrect the setting and run `up` again"
        )


def _problem(app: App, url: str, kinds: set[str]) -> str | None:
    assert app.smoke is not None  # noqa: S101 - only such apps are asked
    problem = smoke.check(url, app.smoke, app.ingress_host)
    if kinds & _WAYS and not kinds & _WORKLOADS:
        end = time.monotonic() + SETTLE_S
        while problem is None and time.monotonic() < end:
            time.sleep(_PAUSE_S)
            problem = smoke.ask(url, app.smoke, app.ingress_host)
        problem = problem and smoke.check(url, app.smoke, app.ingress_host)
    return problem and f"app {app.name} at {url}: {problem}"
