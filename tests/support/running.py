"""A stack that runs: its URLs and its cluster, asked through the project's own command line and kubectl."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from local.toolchain import tool

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def slipway(*arguments: str, cwd: Path = PROJECT, timeout: float = 3600) -> subprocess.CompletedProcess[str]:
    """Run the command line as a person would."""
    command = [str(PROJECT / ".venv" / "bin" / "slipway"), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False)


def by_address(url: str | None) -> str | None:
    """A URL for programs: browsers know names below `localhost` by themselves, not every resolver does."""
    return url and re.sub(r"//[a-z0-9-]+\.localhost", "//127.0.0.1", url)


def eventually(check: Callable[[], T], *, seconds: float = 60, every: float = 0.5) -> T:
    """Ask until an answer is true; the last failure tells why it never was."""
    end = time.monotonic() + seconds
    failure: Exception | None = None
    while True:
        try:
            answer = check()
            failure = None
        except (AssertionError, httpx.HTTPError, KeyError, IndexError, ValueError) as error:
            answer, failure = None, error
        if answer:
            return answer
        if time.monotonic() > end:
            raise failure or AssertionError(f"not within {seconds} s: {check}")
        time.sleep(every)


@dataclass(frozen=True)
class RunningStack:
    """A stack on a cluster."""

    name: str
    context: str
    kubeconfig: Path | None

    def apps(self) -> dict[str, dict[str, Any]]:
        """What `slipway status --json` says, by app name."""
        result = slipway("status", "--stack", self.name, "--json")
        document = json.loads(result.stdout)
        return {app["name"]: {**app, "url": by_address(app["url"])} for app in document["apps"]}

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        environment = dict(os.environ)
        if self.kubeconfig:
            environment["KUBECONFIG"] = str(self.kubeconfig)
        result = subprocess.run(
            [str(tool("kubectl")), "--context", self.context, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            env=environment,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def get(self, *arguments: str) -> dict[str, Any]:
        """`kubectl get … -o json`."""
        return json.loads(self.kubectl("get", *arguments, "-o", "json"))

    def pods(self, namespace: str, **labels: str) -> list[dict[str, Any]]:
        """Pods that are not about to go."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        items = self.get("pods", "-n", namespace, "-l", selector)["items"]
        return [pod for pod in items if "deletionTimestamp" not in pod["metadata"]]
