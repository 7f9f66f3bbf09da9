"""The sign-in mail."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from html import escape
from typing import TYPE_CHECKING

from images.serving.wsgi import log

if TYPE_CHECKING:
    from images.cotoami.settings import Smtp


class MailError(Exception):
    """The mail server does not answer or refuses; its own words are in the log."""


class Mailer:
    """Hands mails to the SMTP server; encrypted where the server offers it, as Cotoami's `tls: :if_available`."""

    def __init__(self, smtp: Smtp) -> None:
        self._smtp = smtp

    def send_signin(self, email: str, link: str) -> None:
        """Send the link.

        Raises:
            MailError: it could not be handed over.
        """
        message = EmailMessage()
        message["From"] = self._smtp.sender
        message["To"] = email
        message["Subject"] = "Sign in to Cotoami"
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self._smtp.sender.rpartition("@")[2] or "localhost")
        # As it is: a link that is wrapped is not whole in every program that shows mails.
        message.set_content(f"Open this link to sign in. It works once, within a day.\n\n{link}\n", cte="7bit")
        target = escape(link)
        message.add_alternative(
            f'<p><a href="{target}" target="_blank">Sign in to Cotoami</a></p>'
            f"<p>The link works once, within a day. If you cannot click it, copy it:<br>{target}</p>",
            subtype="html",
        )
        try:
            with smtplib.SMTP(self._smtp.server, self._smtp.port, timeout=10) as client:
                client.ehlo()
                if client.has_extn("starttls"):
                    # A server without user name is one inside the cluster: its certificate has no public authority.
                    context = ssl.create_default_context() if self._smtp.user else _unverified()
                    client.starttls(context=context)
                    client.ehlo()
                if self._smtp.user:
                    client.login(self._smtp.user, self._smtp.password)
                client.send_message(message)
        except (OSError, smtplib.SMTPException) as error:
            where = f"{self._smtp.server}:{self._smtp.port}"
            log("smtp", where=where, error=str(error))
            raise MailError(f"SMTP server {where} did not take the mail; try again in a moment") from None


def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
