"""kubectl for one cluster: calls that answer with objects, and errors that people understand."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from ops import tools
from ops.errors import OpsError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Manifest = dict[str, Any]

_REQUEST_TIMEOUT_S = 20
_MISSING_CONTEXT = re.compile(
    r"context.* does not exist|no context exists|context was not found|no configuration has been provided"
)
_NO_ANSWER = re.compile(
    r"connection refused|The connection to the server|no such host|i/o timeout|Client\.Timeout|no route to host"
    r"|network is unreachable|connection reset|server misbehaving|TLS handshake timeout|context deadline exceeded"
    r"|EOF|x509:|Unable to connect to the server"
)
# What kubectl says of a type that is listed but cannot be asked for just now.
_UNSERVED = re.compile(
    r"MethodNotAllowed|method not allowed|NotFound|could not find the requested resource"
    r"|unable to retrieve the complete list of server APIs|currently unable to handle the request|^Warning"
)


def labels_of(item: Manifest) -> dict[str, str]:
    return cast("dict[str, str]", item["metadata"].get("labels") or {})


def annotations_of(item: Manifest) -> dict[str, str]:
    return cast("dict[str, str]", item["metadata"].get("annotations") or {})


def section(item: Manifest, *path: str) -> Manifest:
    """A mapping inside an object; empty if it is not there."""
    current: Any = item
    for name in path:
        current = current.get(name) or {}
    return cast("Manifest", current)


def entries(item: Manifest, *path: str) -> list[Manifest]:
    """A list of mappings inside an object; empty if it is not there."""
    return cast("list[Manifest]", section(item, *path[:-1]).get(path[-1]) or [])


class Key(NamedTuple):
    """What names an object in a cluster, whatever version of its API it is written in."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Manifest) -> Key:
        """The key of an object; `namespace` is empty for objects of the cluster's scope."""
        version = str(manifest.get("apiVersion", ""))
        group = version.split("/", 1)[0] if "/" in version else ""
        metadata = manifest["metadata"]
        return cls(group, manifest["kind"], metadata.get("namespace") or "", metadata["name"])

    @property
    def resource(self) -> str:
        """Its type as kubectl takes it: `deployment.apps`."""
        return f"{self.kind}.{self.group}".lower().removesuffix(".")

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Access:
    """How a cluster is reached; no kubeconfig: `KUBECONFIG` or `~/.kube/config`; no context: the current one."""

    kubeconfig: Path | None
    context: str | None

    def flags(self) -> list[str]:
        flags = [f"--kubeconfig={self.kubeconfig}"] if self.kubeconfig else []
        return flags + ([f"--context={self.context}"] if self.context else [])

    def __str__(self) -> str:
        context = f"context {self.context}" if self.context else "the current context"
        return f"{context} of {self.kubeconfig}" if self.kubeconfig else context


class CommandError(OpsError):
    """kubectl ended with an error; `text` is what it said."""

    def __init__(self, what: str, text: str) -> None:
        self.text = text
        super().__init__(f"{what}: {text}")


class Kubectl:
    """kubectl bound to one cluster, with its name in the stack file, for messages. Its calls raise UnreachableError
    where the cluster does not answer, CommandError at any other failure."""

    def __init__(self, program: Path, cluster: str, access: Access) -> None:
        self._program = program
        self.cluster = cluster
        self.access = access

    def command(self, arguments: Sequence[str]) -> list[str]:
        return [str(self._program), *self.access.flags(), *arguments]

    def run(
        self, arguments: Sequence[str], *, stdin: str | None = None, timeout: float = 120, partial: bool = False
    ) -> str:
        """kubectl's standard output. Nothing secret may be in the arguments: they are public on a machine. `timeout` is
        in seconds; `partial` takes what there is although some of the answer is missing as a type is not served."""
        what = f"cluster {self.cluster}, kubectl {' '.join(arguments[:2])}"
        try:
            done = subprocess.run(
                self.command(arguments),
                input=stdin,
                stdin=subprocess.DEVNULL if stdin is None else None,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                env=tools.environment(),
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UnreachableError(
                f"cluster {self.cluster} ({self.access}) gave no answer within {timeout:.0f} s"
            ) from None
        except OSError as error:
            raise OpsError(f"kubectl ({self._program}) cannot be run: {error.strerror}") from None
        if done.returncode != 0 and not (partial and _only_unserved(done.stderr)):
            raise self._error(what, done.stderr.strip() or done.stdout.strip())
        return done.stdout

    def _error(self, what: str, text: str) -> OpsError:
        last = text.splitlines()[-1] if text else "no message"
        if _MISSING_CONTEXT.search(text):
            return UnreachableError(
                f"cluster {self.cluster}: {self.access} cannot be used ({last.removeprefix('error: ')}); "
                "name a context of your kubeconfig (kubectl config get-contexts)"
            )
        if _NO_ANSWER.search(text):
            remedy = "start it with `slipway local up`" if self.access.context == "slipway" else "is it running?"
            return UnreachableError(f"cluster {self.cluster} ({self.access}) does not answer: {last}; {remedy}")
        return CommandError(what, text)

    def get(self, arguments: Sequence[str], *, partial: bool = False) -> list[Manifest]:
        """`kubectl get … -o json` as a list of objects; empty if there is none."""
        text = self.run(
            ["get", *arguments, "--ignore-not-found", "-o", "json", f"--request-timeout={_REQUEST_TIMEOUT_S}s"],
            partial=partial,
        )
        return items(text)

    def replace(self, manifests: Iterable[Manifest], *, manager: str, dry_run: bool = False) -> list[Manifest]:
        """Put objects in the place of those that are there, each with the resourceVersion that it was read at; raises
        CommandError, for instance, where one was changed since."""
        bundle = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        flags = ["--dry-run=server"] if dry_run else []
        return items(self.run(["replace", f"--field-manager={manager}", *flags, "-f", "-", "-o", "json"], stdin=bundle))

    def delete(self, keys: Iterable[Key], *, cascade: str = "background") -> None:
        """Ask for the deletion of objects, or of those that are there yet; with cascade `foreground` what one owns goes
        before it."""
        for namespace, names in _by_namespace(keys).items():
            scope = ["-n", namespace] if namespace else []
            self.run(["delete", *names, *scope, "--ignore-not-found", "--wait=false", f"--cascade={cascade}"])


def _by_namespace(keys: Iterable[Key]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for key in keys:
        grouped.setdefault(key.namespace, []).append(f"{key.resource}/{key.name}")
    return grouped


def _only_unserved(text: str) -> bool:
    return all(_UNSERVED.search(line) for line in text.splitlines() if line.strip())


def items(text: str) -> list[Manifest]:
    """The objects in kubectl's JSON output: one object, a list, or nothing."""
    if not text.strip():
        return []
    found = cast("Manifest", json.loads(text))
    return cast("list[Manifest]", found["items"]) if "items" in found else [found]
