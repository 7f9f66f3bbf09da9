"""The smoke check of a release: real requests, to a new pod as soon as one is ready, and to the app's address."""

from __future__ import annotations

import http.client
import re
import select
import ssl
import subprocess
import time
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import urlsplit

from local import paths, pki
from ops.child import speaking
from ops.errors import OpsError
from ops.urls import address_of

if TYPE_CHECKING:
    from collections.abc import Generator

    from ops.kube import Kubectl
    from ops.render.result import Smoke

REQUESTS = 5
"""All of these in a row have to be answered rightly."""
ROUNDS = 4
_PAUSE_S = 1.0
_TIMEOUT_S = 10.0
_FORWARD_S = 15.0
_SHOWN = 160
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


def ask(url: str, smoke: Smoke, host: str | None = None) -> str | None:
    """Ask once, on a connection of its own; returns what is wrong with the answer, or None."""
    parts = urlsplit(url)
    name = parts.hostname or ""
    secure = parts.scheme == "https"
    connection = http.client.HTTPConnection(address_of(name), parts.port or (443 if secure else 80), timeout=_TIMEOUT_S)
    try:
        if secure:
            connection.connect()
            # The certificate is that of the host which is asked for, wherever it is.
            served = name if address_of(name) != name else host or name
            connection.sock = trusted().wrap_socket(connection.sock, server_hostname=served)
        connection.request("GET", smoke.path, headers={"Host": host or parts.netloc})
        answer = connection.getresponse()
        status, body = answer.status, answer.read().decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"GET {smoke.path}: {type(error).__name__}: {error}"
    finally:
        connection.close()
    if status != smoke.status:
        return f"GET {smoke.path} answers {status} instead of {smoke.status}: {_shown(body)}"
    if smoke.text not in body:
        return f"GET {smoke.path} answers without {smoke.text!r}: {_shown(body)}"
    return None


def trusted() -> ssl.SSLContext:
    """What a certificate has to be signed by: this machine's authorities, or the embedded cluster's own."""
    context = ssl.create_default_context()
    with suppress(OSError):
        context.load_verify_locations(pki.certificate(paths.PKI, pki.INGRESS_AUTHORITY))
    return context


def check(url: str, smoke: Smoke, host: str | None = None) -> str | None:
    """Ask several times, a wrong answer having a few seconds to become right; returns what is wrong, or None once a
    whole round of requests was answered rightly."""
    problem: str | None = None
    for number in range(ROUNDS):
        time.sleep(_PAUSE_S if number else 0)
        problem = next((found for _ in range(REQUESTS) if (found := ask(url, smoke, host))), None)
        if problem is None:
            break
    return problem


def check_pod(kubectl: Kubectl, namespace: str, pod: str, port: int, smoke: Smoke) -> str | None:
    """Ask one pod, past Service and network policies: whatever answers there is the new image. Returns as `check` does;
    raises OpsError where the pod cannot be reached from here."""
    with _forwarded(kubectl, namespace, pod, port) as address:
        problem = check(address, smoke)
    return problem and f"pod {namespace}/{pod}: {problem}"


@contextmanager
def _forwarded(kubectl: Kubectl, namespace: str, pod: str, port: int) -> Generator[str]:
    arguments = ["port-forward", f"pod/{pod}", f":{port}", "-n", namespace, "--address=127.0.0.1"]
    process = speaking(kubectl.command(arguments), subprocess.STDOUT)
    try:
        lines = cast("IO[str]", process.stdout)
        answered, _, _ = select.select([lines], [], [], _FORWARD_S)
        said = (lines.readline().strip() or "it ended") if answered else "no answer"
        match = _FORWARDING.search(said)
        if match is None:
            raise OpsError(f"pod {namespace}/{pod} cannot be reached by kubectl port-forward: {said}")
        yield f"http://127.0.0.1:{match[1]}"
    finally:
        process.kill()
        process.wait()


def _shown(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[:_SHOWN]} …"
