"""HTTPS by the embedded cluster's own authority: every app with a host, sticky sessions, renewal and the redirect."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.support import footprint, live
from tests.support.live import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.live import LiveStack

pytestmark = pytest.mark.cluster
PORT, REDIRECTING = 30443, 30783
REQUESTS = 60


@pytest.fixture(scope="module")
def authority(dev: LiveStack) -> str:
    """The authority's certificate, as people get it; what the authority of before has signed is replaced."""
    dev.run("up")
    return subprocess.run([str(live.SLIPWAY), "local", "ca"], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def context(authority: str) -> ssl.SSLContext:
    """Trusts that authority alone."""
    return ssl.create_default_context(cadata=authority)


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the cookie that is set (empty for none) and the body."""

    status: int
    cookie: str
    body: str

    @property
    def pod(self) -> str:
        """Name of the pod that http-debug-server answered from."""
        return json.loads(self.body)["hostname"]


def ask(context: ssl.SSLContext, host: str, port: int = PORT, headers: dict[str, str] | None = None) -> Answer:
    """Ask for a host, by its name in TLS and in the header, at this machine's node port; a connection each time."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.connect()
    connection.sock = context.wrap_socket(connection.sock, server_hostname=host)
    try:
        connection.request("GET", "/", headers={"Host": f"{host}:{port}", **(headers or {})})
        response = connection.getresponse()
        return Answer(response.status, response.getheader("set-cookie") or "", response.read().decode())
    finally:
        connection.close()


def hosted(stack: LiveStack) -> dict[str, dict[str, Any]]:
    return {name: app for name, app in stack.apps().items() if app["host"]}


def test_curl_reaches_every_app_with_a_host_by_both_of_its_names(
    dev: LiveStack, authority: str, tmp_path: Path
) -> None:
    file = tmp_path / "ca.pem"
    file.write_text(authority, encoding="ascii")
    apps = hosted(dev)
    assert apps
    for name, app in apps.items():
        assert urlsplit(str(app["url"]))[:2] == ("https", f"127.0.0.1:{PORT}"), name
        for host in (app["host"], f"{name}.localhost"):
            command = ["curl", "--silent", "--show-error", "--fail", "--cacert", str(file), "--noproxy", "*"]
            command += ["--resolve", f"{host}:{PORT}:127.0.0.1", f"https://{host}:{PORT}/"]

            def answers(command: list[str] = command) -> bool:
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
                return True

            assert eventually(answers)


def test_nobody_else_is_trusted_and_old_tls_is_refused(dev: LiveStack, context: ssl.SSLContext) -> None:
    host = next(iter(hosted(dev).values()))["host"]
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(ssl.create_default_context(), host)
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(context, "nobody.example.com")
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_session_is_sticky_over_https(dev: LiveStack, context: ssl.SSLContext) -> None:
    host = hosted(dev)["http-debug-server"]["host"]
    first = eventually(lambda: ask(context, host))
    assert first.cookie.startswith("route=")
    assert "HttpOnly" in first.cookie
    # Plain HTTP goes on beside it, and a session stays on its pod whichever is asked.
    assert "Secure" not in first.cookie
    session = {"Cookie": first.cookie.partition(";")[0]}
    assert {ask(context, host, headers=session).pod for _ in range(REQUESTS)} == {first.pod}
    # The app is told what people see.
    assert json.loads(first.body)["headers"]["x-forwarded-proto"] == "https"
    assert len({ask(context, host).pod for _ in range(REQUESTS)}) == 3


@pytest.fixture(scope="module")
def redirecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveStack]:
    """A stack of two sticky pods whose plain HTTP only leads to HTTPS."""
    https = {"nodePort": REDIRECTING, "redirect": True}
    clusters = {"local": {"kind": "embedded", "ingress": {"nodePort": REDIRECTING - 1, "https": https}}}
    debug = {"cluster": "local", "replicas": 2, "host": "redirect.example.com", "resources": {"cpu": "10m"}}
    settings = {"slipway:clusters": clusters, "slipway:apps": {"http-debug-server": debug}}
    with footprint.own(tmp_path_factory.mktemp("redirect"), "redirect", 30780, settings) as stack:
        stack.run("up")
        yield stack


def test_plain_http_is_redirected_where_the_setting_says_so(redirecting: LiveStack, context: ssl.SSLContext) -> None:
    host = hosted(redirecting)["http-debug-server"]["host"]
    secure = eventually(lambda: ask(context, host, REDIRECTING))
    assert secure.status == 200
    assert "Secure" in secure.cookie
    connection = http.client.HTTPConnection("127.0.0.1", REDIRECTING - 1, timeout=10)
    connection.request("GET", "/path?query=1", headers={"Host": host})
    response = connection.getresponse()
    assert response.status in (301, 308)
    assert response.getheader("location") == f"https://{host}:{REDIRECTING}/path?query=1"
    connection.close()


def test_a_changed_host_has_a_certificate_as_soon_as_up_ends(redirecting: LiveStack, context: ssl.SSLContext) -> None:
    redirecting.settings(http_debug_server={"host": "renamed.example.com"})
    redirecting.run("up")
    assert eventually(lambda: ask(context, "renamed.example.com", REDIRECTING).status == 200)
    with pytest.raises(ssl.SSLCertVerificationError):
        ask(context, "redirect.example.com", REDIRECTING)
    assert "no changes" in redirecting.run("up").stdout
