"""A stack of the tests' own on the embedded cluster, driven through the command line as a person does it."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import httpx
import yaml

from local import paths, toolchain

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

PROJECT = Path(__file__).resolve().parents[2]
SLIPWAY = Path(sys.executable).with_name("slipway")
T = TypeVar("T")
_TIMEOUT_S = 420


def settings(prefix: str, first_port: int) -> dict[str, Any]:
    """Settings of a small stack: the API mock and nginx, in namespaces and on node ports of its own."""
    return {
        "slipway:namespacePrefix": prefix,
        "slipway:clusters": {"local": {"kind": "embedded"}},
        "slipway:apps": {
            "h2o-example": {"cluster": "local", "replicas": 2, "revision": "1", "nodePort": first_port},
            "nginx": {"cluster": "local", "replicas": 2, "nodePort": first_port + 1},
        },
    }


@dataclass
class LiveStack:
    """A stack and the directory it is run from."""

    name: str
    directory: Path
    environment: dict[str, str] = field(default_factory=dict[str, str])
    drop: tuple[str, ...] = ()

    def env(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if k not in ("KUBE_CONTEXT", "KUBECONFIG", *self.drop)}
        return {**kept, "SLIPWAY_PROJECT": str(self.directory), **self.environment, **(extra or {})}

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        """A whole command line; what stands behind `--` is another program's."""
        end = arguments.index("--") if "--" in arguments else len(arguments)
        return [str(SLIPWAY), *arguments[:end], "--stack", self.name, *arguments[end:]]

    def run(
        self, *arguments: str, check: bool = True, env: Mapping[str, str] | None = None, timeout: float = _TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        done = _run(self._command(arguments), "slipway", arguments, check=check, env=self.env(env), timeout=timeout)
        assert "Traceback" not in done.stderr, done.stderr
        return done

    def pulumi(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the plain CLI in the project's directory, with the variables that `slipway pulumi --env` prints."""
        script = f'eval "$("$0" pulumi --env --stack {self.name})" && exec pulumi "$@"'
        command = ["/bin/bash", "-c", script, str(SLIPWAY), *arguments, "--non-interactive", "--color", "never"]
        return _run(command, "pulumi", arguments, check=check, env=self.env(), cwd=self.directory, timeout=_TIMEOUT_S)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command on the stack in a process group of its own."""
        return subprocess.Popen(
            self._command(arguments),
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell's background job has SIGINT ignored, and hands that down.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    def kill_after(self, seconds: float, *arguments: str) -> int:
        """Start a command and kill it after some seconds; returns its exit code."""
        process = self.start(*arguments)
        try:
            process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        return process.returncode

    def settings(self, change: Mapping[str, Any] | None = None, **apps: Mapping[str, Any]) -> None:
        """Change settings: top-level keys, and keys of apps by their name with '_' for '-'."""
        file = self.directory / f"Pulumi.{self.name}.yaml"
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        config = document["config"]
        config.update(change or {})
        for app, values in apps.items():
            config["slipway:apps"][app.replace("_", "-")].update(values)
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")

    def apps(self) -> dict[str, dict[str, Any]]:
        """`status --json` by app name."""
        done = self.run("status", "--json", check=False)
        return {app["name"]: {**app, "url": by_address(app["url"])} for app in json.loads(done.stdout)["apps"]}

    def objects(self, types: str) -> list[dict[str, Any]]:
        """Live objects that carry the stack's label."""
        return get(types, "-A", "-l", f"slipway.dev/stack={self.name}")

    def pods(self) -> list[str]:
        """Names of the stack's pods that are not ending."""
        return sorted(pod["metadata"]["name"] for pod in self.objects("pods") if stays(pod))

    @property
    def home(self) -> Path:
        """Where it keeps Pulumi's state, its passphrase and its working directory."""
        return Path(self.environment["XDG_DATA_HOME"]) / "slipway"

    def state(self) -> dict[str, Any]:
        """Pulumi's state of it; empty where the backend does not know it."""
        for file in (self.home / "state").rglob(f"stacks/**/{self.name}.json"):
            written = cast("dict[str, Any]", json.loads(file.read_text(encoding="utf-8")))
            return cast("dict[str, Any]", written["checkpoint"]["latest"] or {})
        return {}

    def locks(self) -> list[Path]:
        """Pulumi's locks of it."""
        return list((self.home / "state").rglob(f"locks/**/{self.name}/*.json"))


def _run(
    command: list[str], name: str, arguments: tuple[str, ...], *, check: bool, **options: Any
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert not check or done.returncode == 0, f"{name} {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"
    return done


def kubectl(
    *arguments: str, document: object = None, stdin: str | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """The pinned kubectl on the embedded cluster, with a document or a text on its standard input."""
    command = [str(toolchain.tool("kubectl")), f"--kubeconfig={paths.KUBECONFIG}", *arguments]
    text = stdin if document is None else json.dumps(document)
    return _run(command, "kubectl", arguments, check=check, input=text, timeout=120)


def get(*arguments: str) -> list[dict[str, Any]]:
    """`kubectl get … -o json` as a list of objects."""
    text = kubectl("get", *arguments, "--ignore-not-found", "-o", "json").stdout
    if not text.strip():
        return []
    found = cast("dict[str, Any]", json.loads(text))
    return cast("list[dict[str, Any]]", found["items"]) if "items" in found else [found]


def apply(*objects: Mapping[str, Any]) -> None:
    """`kubectl apply` of some objects."""
    kubectl("apply", "-f", "-", document={"apiVersion": "v1", "kind": "List", "items": objects})


def secret(namespace: str, name: str, key: str) -> str:
    """A value of a Secret."""
    (found,) = get("secret", name, "-n", namespace)
    return base64.b64decode(found["data"][key]).decode()


def restricted_pod(name: str, namespace: str, image: str, **container: Any) -> dict[str, Any]:
    """A pod that the Pod Security level `restricted` accepts."""
    security = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{"name": "main", "image": image, "securityContext": security, **container}],
        },
    }


def stays(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is not about to go."""
    return "deletionTimestamp" not in pod["metadata"]


def pods(namespace: str, selector: str) -> list[dict[str, Any]]:
    """Pods that are not about to go."""
    return [pod for pod in get("pods", "-n", namespace, "-l", selector) if stays(pod)]


def by_address(url: str | None) -> str | None:
    """A URL for programs: browsers know names below `localhost` by themselves, not every resolver does."""
    return url and re.sub(r"//[a-z0-9-]+\.localhost", "//127.0.0.1", url)


def make(directory: Path, name: str, prefix: str, first_port: int, **environment: str) -> LiveStack:
    """A stack in a directory of its own, its state too, whatever this shell is set to; the program is the project's."""
    directory.mkdir(parents=True, exist_ok=True)
    for file in ("Pulumi.yaml", "__main__.py"):
        (directory / file).write_bytes((PROJECT / file).read_bytes())
    document = {"config": settings(prefix, first_port)}
    (directory / f"Pulumi.{name}.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    drop = ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE", "GITHUB_ACTOR")
    return LiveStack(name, directory, {"XDG_DATA_HOME": str(directory / ".data"), **environment}, drop)


@contextmanager
def alone(name: str) -> Generator[None]:
    """Keep a second run of the tests on this machine waiting until this one does not need the stack any more."""
    with (Path(tempfile.gettempdir()) / f"slipway-tests-{name}.lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def wait_for(question: Callable[[], T | None], seconds: float = 60, what: str = "it") -> T:
    """Ask until the answer is truthy, and return it."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.2)
    return answer


def eventually(check: Callable[[], T], *, seconds: float = 60, every: float = 0.5) -> T:
    """Ask until an answer is true; what a try fails with is no answer, and the last of it tells why it never was."""
    end = time.monotonic() + seconds
    while True:
        failure: Exception | None = None
        try:
            if answer := check():
                return answer
        except (AssertionError, httpx.HTTPError, KeyError, IndexError, ValueError) as error:
            failure = error
        if time.monotonic() > end:
            raise failure or AssertionError(f"not within {seconds} s: {check}")
        time.sleep(every)
