"""A fresh machine: from an empty cache to the first answer, by step. Takes half an hour; only when asked for."""

from __future__ import annotations

import json
import re
import shutil
import time
from typing import TYPE_CHECKING

import httpx

from bench.measure import BenchError, Row, environment, run, say
from bench.plan import PROJECT, SLIPWAY, Skipped
from local.cluster import EmbeddedCluster

if TYPE_CHECKING:
    from bench.plan import Plan

_STACK = "dev"
_APP = "h2o-example"
_NEEDED_GIB = 12
_TIMEOUT_S = 3600
_FIRST_ANSWER_S = 120
# "✓ build kubectl v1.36.3 41 s", as `slipway` tells it.
_STEP = re.compile(r"✓ (?P<what>.+?) (?:(?P<minutes>\d+) min )?(?P<seconds>[\d.]+) s$", re.MULTILINE)


def run_part(plan: Plan) -> list[Row]:
    """Minutes of each step, with a cache of its own.

    Raises:
        Skipped: There is a cluster already, or not enough room.
    """
    if EmbeddedCluster().status().phase != "absent":
        raise Skipped("there is an embedded cluster on this machine; remove it first: slipway local purge")
    if shutil.disk_usage(plan.scratch).free < _NEEDED_GIB * 2**30:
        raise Skipped(f"{plan.scratch} has less than {_NEEDED_GIB} GiB free")
    env = environment({"SLIPWAY_CACHE": str(plan.folder("cache")), "GOFLAGS": "-modcacherw"})
    started = time.monotonic()
    rows: list[Row] = []
    try:
        local = _timed("local up: programs, images of the add-ons, cluster", env, "local", "up")
        stack = _timed("up: Pulumi, the stack's images, rollout", env, "up", "--stack", _STACK)
        rows += [local[0], stack[0]]
        _answer(env)
        rows.append(Row("fresh", "from nothing to the first answer", "min", [(time.monotonic() - started) / 60]))
        rows += _steps(local[1] + stack[1])
    finally:
        say("clean up")
        run([str(SLIPWAY), "down", "--stack", _STACK], cwd=PROJECT, env=env, good=(0, 1))
        run([str(SLIPWAY), "local", "purge", "--yes"], env=env, good=(0, 1))
    return rows


def _timed(what: str, env: dict[str, str], *arguments: str) -> tuple[Row, str]:
    say(what)
    sample = run([str(SLIPWAY), *arguments], cwd=PROJECT, env=env, timeout=_TIMEOUT_S)
    return Row("fresh", what, "min", [sample.wall / 60]), sample.errors


def _steps(text: str) -> list[Row]:
    found = [
        (float(match["minutes"] or 0) + float(match["seconds"]) / 60, match["what"]) for match in _STEP.finditer(text)
    ]
    slowest = sorted((step for step in found if step[1].startswith(("build", "image"))), reverse=True)
    return [Row("fresh", f"step: {what}", "min", [minutes]) for minutes, what in slowest]


def _answer(env: dict[str, str]) -> None:
    status = run([str(SLIPWAY), "status", "--stack", _STACK, "--json"], cwd=PROJECT, env=env).output
    url = next(app["url"] for app in json.loads(status)["apps"] if app["name"] == _APP)
    end = time.monotonic() + _FIRST_ANSWER_S
    while True:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.HTTPError:
            pass
        if time.monotonic() > end:
            raise BenchError(f"{url} gives no answer")
        time.sleep(0.5)
