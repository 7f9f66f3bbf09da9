"""What managed databases of both clouds share: settings, the generated password, and how apps see them."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass
from typing import Literal

import pulumi

Engine = Literal["mysql", "postgres"]
PORTS: dict[Engine, int] = {"mysql": 3306, "postgres": 5432}
PASSWORD_LENGTH = 32
"""Characters of the password: 32 of 62 are 190 bits."""
_ALPHABET = string.ascii_letters + string.digits
SYSTEM = "database"


@dataclass(frozen=True)
class DatabaseSpec:
    """What is asked of a managed database, whichever cloud runs it.

    Attributes:
        engine: Database engine.
        version: Version of the engine.
        size: Machine of the instance; None: the cloud's smallest for production.
        storage_gb: Storage in GB.
        database: Name of the database.
        user: Name of its user.
        standby: Whether a standby in another zone takes over.
        backup_days: Days that backups are kept.
        apply_immediately: Whether RDS makes changes at once, or in its maintenance window.
        allow_major_version_upgrade: Whether RDS may go to another major version.
    """

    engine: Engine
    version: str
    size: str | None
    storage_gb: int
    database: str
    user: str
    standby: bool
    backup_days: int
    apply_immediately: bool = False
    allow_major_version_upgrade: bool = False

    @property
    def port(self) -> int:
        """Port that the engine listens on."""
        return PORTS[self.engine]


def make_password(name: str, parent: pulumi.Resource) -> pulumi.Output[str]:
    """Draw a password, once for the life of the database.

    Args:
        name: Logical name.
        parent: Component that owns it.

    Returns:
        The password, a secret; a `pulumi.Stash` keeps that of the first run, encrypted.
    """
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(PASSWORD_LENGTH))
    stash = pulumi.Stash(
        f"{name}-password",
        input=pulumi.Output.secret(drawn),
        # Each run draws anew; only the first draw counts.
        opts=pulumi.ResourceOptions(
            parent=parent, ignore_changes=["input"], additional_secret_outputs=["input", "output"]
        ),
    )
    return pulumi.Output.secret(stash.output)


@dataclass(frozen=True)
class OutsideDatabase:
    """A database outside the cluster: a cloud's managed one, or somebody's own.

    Attributes:
        host: DNS name.
        port: Port.
        name: Name of the database.
        user: User name.
        password: The password; becomes a Secret.
        cidrs: Address ranges it answers on.
    """

    host: pulumi.Input[str]
    port: int
    name: str
    user: str
    password: pulumi.Input[str]
    cidrs: tuple[str, ...] = ("0.0.0.0/0",)
