"""What a container says about itself: plain dataclasses, hardened by default, conflicts refused when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.model import Port
    from components.workload.credential import Credential


@dataclass(frozen=True)
class Check:
    """How the kubelet asks a container whether it is well: exactly one of the three ways.

    Attributes:
        path: HTTP path to GET on `port`; any status from 200 to 399 is good.
        port: Container port name, for HTTP, or for a plain TCP connection where `path` is None.
        command: Command to run in the container; exit code 0 is good.
        headers: HTTP request headers.
    """

    path: str | None = None
    port: str | None = None
    command: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Refuse none or two ways."""
        if bool(self.command) == (self.port is not None):
            raise ValueError("a check is either a command or a port (with or without a path)")


@dataclass(frozen=True)
class Probe:
    """A check and its timing, in seconds (https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/)."""

    check: Check
    initial_delay: int = 0
    period: int = 10
    timeout: int = 2
    failures: int = 3


@dataclass(frozen=True)
class Probes:
    """The three probes of a container.

    Attributes:
        readiness: Whether requests may be sent; asked every second, so that a rolling update loses none.
        liveness: Whether the container must be restarted; None: the process ending is the only sign.
        startup: Holds the other two back until the container is up.
    """

    readiness: Probe
    liveness: Probe | None
    startup: Probe

    @staticmethod
    def of(check: Check, *, startup_seconds: int = 60, liveness: Check | Probe | None = None) -> Probes:
        """Probes that all use one check.

        Args:
            check: The check.
            startup_seconds: How long starting may take.
            liveness: A check (or whole probe) of its own for liveness, where readiness looks at dependencies too.

        Returns:
            The probes.
        """
        alive = liveness if isinstance(liveness, Probe) else Probe(liveness or check)
        return Probes(
            readiness=Probe(check, period=1),
            liveness=alive,
            startup=Probe(alive.check, period=1, failures=startup_seconds),
        )


@dataclass(frozen=True)
class ContainerResources:
    """Requests and memory limit of a container.

    Attributes:
        cpu: CPU request, for example `100m`. There is no CPU limit: it would slow a container on an idle machine.
        memory: Memory request.
        memory_limit: Memory limit; None: the request.
    """

    cpu: str = "50m"
    memory: str = "64Mi"
    memory_limit: str | None = None


@dataclass(frozen=True)
class ExistingSecret:
    """A Secret that somebody else makes in the workload's namespace.

    Attributes:
        secret_name: Its name.
    """

    secret_name: str


@dataclass(frozen=True)
class SecretValue:
    """One key of a Secret, as environment variable.

    Attributes:
        credential: The Secret.
        key: The key.
    """

    credential: Credential | ExistingSecret
    key: str


@dataclass(frozen=True)
class Container:
    """One container.

    Attributes:
        name: Name in the pod.
        image: Complete image reference.
        ports: Ports it listens on.
        probes: Its probes; None only for a container that is not asked (an init step).
        command: Entry point instead of the image's.
        args: Arguments instead of the image's.
        env: Plain environment variables.
        secret_env: Environment variables from credentials.
        field_env: Environment variables from fields of the pod, for example `status.hostIP`.
        resources: Requests and limit.
        writable: Directories that are empty and writable; the rest of the file system is read-only.
        files: Mount directory to file name to content (a ConfigMap each).
        secret_files: Mount directory to credential whose keys become files.
        claim_mount: Where the workload's volume is mounted, if it has one.
        host_paths: Host directory to mount directory, read-only; needs the `host-path` exemption.
        user: User id; None: the workload's.
        stop_delay: Seconds between the pod's removal from Services and the stop signal (preStop sleep).
    """

    name: str
    image: pulumi.Input[str]
    ports: tuple[Port, ...] = ()
    probes: Probes | None = None
    command: tuple[str, ...] = ()
    args: tuple[pulumi.Input[str], ...] = ()
    env: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])
    secret_env: Mapping[str, SecretValue] = field(default_factory=dict[str, SecretValue])
    field_env: Mapping[str, str] = field(default_factory=dict[str, str])
    resources: ContainerResources = ContainerResources()
    writable: tuple[str, ...] = ()
    files: Mapping[str, Mapping[str, pulumi.Input[str]]] = field(
        default_factory=dict[str, "Mapping[str, pulumi.Input[str]]"]
    )
    secret_files: Mapping[str, Credential] = field(default_factory=dict[str, "Credential"])
    claim_mount: str | None = None
    host_paths: Mapping[str, str] = field(default_factory=dict[str, str])
    user: int | None = None
    stop_delay: int = 5
