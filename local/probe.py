"""Real requests that show whether a component works."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from local import paths, pki

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TIMEOUT = 3.0


def http_ok(url: str, context: ssl.SSLContext | None = None, timeout: float = _TIMEOUT) -> str | None:
    """GET `url`; None when the answer is a 2xx, else what was wrong. Never through a proxy.

    Args:
        url: `http://` or `https://`.
        context: TLS settings for https.
        timeout: seconds to wait for each step of the exchange.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=timeout)
    )
    try:
        connection.request("GET", parts.path or "/")
        response = connection.getresponse()
        body = response.read(2000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        return f"{url}: {error or type(error).__name__}"
    finally:
        connection.close()
    if 200 <= response.status < 300:
        return None
    failed = [line for line in body.splitlines() if line.startswith("[-]")]
    return f"{url} answers {response.status}: {'; '.join(failed) or body.strip()[:200]}"


def http_check(url: str) -> Callable[[], str | None]:
    """A health check by `http_ok`."""
    return lambda: http_ok(url)


def https_check(url: str, client: str | None = None) -> Callable[[], str | None]:
    """A health check by `http_ok` that trusts the cluster's authority, with a client certificate if one is named."""
    return lambda: http_ok(url, tls(paths.PKI, client=client))


def tls(directory: Path, authority: str = "ca", client: str | None = None) -> ssl.SSLContext:
    """TLS settings that trust our authority, with a client certificate if one is named."""
    context = ssl.create_default_context(cafile=str(pki.certificate(directory, authority)))
    if client is not None:
        context.load_cert_chain(pki.certificate(directory, client), pki.key(directory, client))
    return context


def resolves(server: str, name: str, timeout: float = 1.0) -> str | None:
    """Ask the DNS server for the IPv4 address of `name` over UDP; None when it has one, else what was wrong."""
    labels = b"".join(bytes([len(label)]) + label.encode("ascii") for label in name.rstrip(".").split("."))
    # Header: our number, "recursion desired", one question; then the name, type A, class IN (RFC 1035, section 4.1).
    question = struct.pack(">HHHHHH", 0x534C, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connection:
        connection.settimeout(timeout)
        try:
            connection.sendto(question, (server, 53))
            answer = connection.recv(2048)
        except OSError as error:
            return f"DNS at {server}: {error}"
    if len(answer) < 12:
        return f"DNS at {server} sent a broken answer"
    _, flags, _, answers, _, _ = struct.unpack(">HHHHHH", answer[:12])
    if flags & 0xF or not answers:
        return f"DNS at {server} does not know {name} (code {flags & 0xF})"
    return None
