"""The address that links in mails begin with: the one by which the person reaches the app, if it can be trusted."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

NOWHERE = "localhost"
"""Host name of an app that was told no address of its own."""


@dataclass(frozen=True)
class Address:
    """The app's own address, from its settings."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As a URL without a slash at the end."""
        usual = {"http": 80, "https": 443}[self.scheme]
        return f"{self.scheme}://{self.host}{'' if self.port == usual else f':{self.port}'}"

    def of(self, scheme: str, host: str) -> str:
        """What the links of a request's mail begin with.

        Whoever asks for somebody else's link writes the Host header as they like, and that mail must not lead to them.
        So a name counts only if it is the app's own or this machine's, an address only if it is a private one.

        Args:
            scheme: `http` or `https`, as the client asked.
            host: the Host header as the client sent it, with its port.
        """
        return f"{scheme}://{host}" if self._trusts(host) else str(self)

    def _trusts(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if not host.isascii() or not name or set(host) - set("[]:.-_") - {c for c in host if c.isalnum()}:
            return False
        try:
            return ipaddress.ip_address(name).is_private or self.host == NOWHERE
        except ValueError:
            return self.host in {name, NOWHERE} or name == NOWHERE or name.endswith(f".{NOWHERE}")
