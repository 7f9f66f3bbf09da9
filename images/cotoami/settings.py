"""Cotoami's environment variables (https://github.com/cotoami/cotoami, config/config.exs and config/prod.exs)."""

from __future__ import annotations

from dataclasses import dataclass

from images.cotoami.address import NOWHERE, Address
from images.serving import environment


@dataclass(frozen=True)
class Database:
    """Where PostgreSQL answers."""

    host: str
    port: int
    name: str
    user: str
    password: str


@dataclass(frozen=True)
class Smtp:
    """Where mails are handed over; a user name means signing in."""

    server: str
    port: int
    user: str
    password: str
    sender: str


@dataclass(frozen=True)
class Settings:
    """All that the app is told."""

    port: int
    address: Address
    """Where people reach it."""
    secret: str
    redis_host: str
    redis_port: int
    database: Database
    smtp: Smtp
    signup_enabled: bool


def read() -> Settings:
    """The settings of this process; ends the program with one message if one is missing or wrong."""
    scheme = environment.optional("COTOAMI_URL_SCHEME", "http")
    if scheme not in {"http", "https"}:
        environment.fail(f"COTOAMI_URL_SCHEME={scheme!r}: there are http and https")
    url_port = environment.port("COTOAMI_URL_PORT", 80)
    secret = environment.required("SECRET_KEY_BASE")
    if len(secret) < 32:
        environment.fail(f"SECRET_KEY_BASE has {len(secret)} characters; it needs 32 or more")
    signup = environment.optional("COTOAMI_SIGNUP_ENABLED", "true")
    if signup not in {"true", "false"}:
        environment.fail(f"COTOAMI_SIGNUP_ENABLED={signup!r}: there are true and false")
    return Settings(
        port=environment.port("PORT", 80),
        address=Address(scheme, environment.optional("COTOAMI_URL_HOST", NOWHERE), url_port),
        secret=secret,
        redis_host=environment.optional("COTOAMI_REDIS_HOST", "localhost"),
        redis_port=environment.port("COTOAMI_REDIS_PORT", 6379),
        database=Database(
            host=environment.required("COTOAMI_REPO_HOST"),
            port=environment.port("COTOAMI_REPO_PORT", 5432),
            name=environment.required("COTOAMI_REPO_DATABASE"),
            user=environment.required("COTOAMI_REPO_USER"),
            password=environment.required("COTOAMI_REPO_PASSWORD"),
        ),
        smtp=Smtp(
            server=environment.optional("COTOAMI_SMTP_SERVER", "localhost"),
            port=environment.port("COTOAMI_SMTP_PORT", 587),
            user=environment.optional("COTOAMI_SMTP_USER"),
            password=environment.optional("COTOAMI_SMTP_PASSWORD"),
            sender=environment.required("COTOAMI_EMAIL_FROM"),
        ),
        signup_enabled=signup == "true",
    )
