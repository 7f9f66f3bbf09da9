"""What a workload says about itself: plain dataclasses, hardened by default, conflicts refused when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.workload.credential import Credential

SELECTOR_KEYS = frozenset({"app", "tier", "role"})
"""The only label keys that selectors may use: they never change while an app lives."""

ExemptionKind = Literal["root-user", "host-network", "host-pid", "host-path", "writable-root", "service-account-token"]


@dataclass(frozen=True)
class Exemption:
    """A named departure from the hardened core.

    Attributes:
        kind: What is departed from.
        reason: Why the app cannot do without; shown as an annotation on its pods.
    """

    kind: ExemptionKind
    reason: str

    def __post_init__(self) -> None:
        """Refuse an exemption that does not say why."""
        if not self.reason.strip():
            raise ValueError(f"exemption {self.kind} needs a reason")


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
class Port:
    """A port a container listens on.

    Attributes:
        name: Port name, unique in the pod.
        number: Port number.
        protocol: `TCP` or `UDP`.
    """

    name: str
    number: int
    protocol: Literal["TCP", "UDP"] = "TCP"


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


@dataclass(frozen=True)
class Storage:
    """A volume that outlives the pods.

    Attributes:
        size: Requested size, for example `1Gi`.
        access_mode: Access mode; `ReadWriteOnce` means one pod at a time.
    """

    size: str
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"] = "ReadWriteOnce"


@dataclass(frozen=True)
class Autoscaling:
    """Scaling by load (HorizontalPodAutoscaler, autoscaling/v2).

    Attributes:
        min_replicas: Pods without load.
        max_replicas: Pods at most.
        cpu_percent: Average CPU use in percent of the request above which pods are added.
        scale_down_seconds: How long the load must be gone before pods are taken away.
    """

    min_replicas: int
    max_replicas: int
    cpu_percent: int
    scale_down_seconds: int = 300


@dataclass(frozen=True)
class ServicePort:
    """A port of the Kubernetes Service.

    Attributes:
        name: Port name.
        number: Port of the Service.
        target: Name of the container port behind it.
        node_port: Fixed port on every node, or None.
    """

    name: str
    number: int
    target: str
    node_port: int | None = None


@dataclass(frozen=True)
class Exposure:
    """How an app is reached.

    Attributes:
        ports: Ports of its Service, the one that the URL is made of first.
        service_type: Kubernetes Service type.
        service_name: Name of the Service; None: the app's.
        headless: Whether the Service has no address of its own (a StatefulSet's peers).
        host: Host name for the ingress controller, or None.
        sticky_cookie: Cookie that ties a client to one pod, or None.
        path: Path of the URL that is shown to people; empty for the root.
        browsable: Whether the app speaks HTTP, so that its address is a URL.
        annotations: Annotations of the Service beside the cluster's own.
    """

    ports: tuple[ServicePort, ...]
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "ClusterIP"
    service_name: str | None = None
    headless: bool = False
    host: str | None = None
    sticky_cookie: str | None = None
    path: str = ""
    browsable: bool = True
    annotations: Mapping[str, pulumi.Input[str]] = field(default_factory=dict[str, "pulumi.Input[str]"])

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if not self.ports:
            raise ValueError("an exposure needs at least one port")
        if self.headless and self.service_type != "ClusterIP":
            raise ValueError(f"a headless Service is of type ClusterIP, not {self.service_type}")
        if self.service_type == "ClusterIP" and any(port.node_port for port in self.ports):
            raise ValueError("a node port needs service type NodePort or LoadBalancer, not ClusterIP")
        if self.sticky_cookie and not self.host:
            raise ValueError("a sticky cookie needs a host: it is the ingress controller that sets it")


@dataclass(frozen=True)
class Smoke:
    """A request that a newly released app has to answer; until it does, the release is not done.

    Attributes:
        path: HTTP path to GET on the first port of the app's Service.
        status: The HTTP status that is right.
        text: What the answer has to hold; empty for anything.
    """

    path: str = "/"
    status: int = 200
    text: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if not self.path.startswith("/"):
            raise ValueError(f"the path of a smoke check begins with '/', unlike {self.path!r}")
        if not 100 <= self.status <= 599:
            raise ValueError(f"the status of a smoke check is an HTTP status, not {self.status}")


@dataclass(frozen=True)
class Metrics:
    """Where Prometheus finds a workload's metrics.

    Attributes:
        port: Name of a container port.
        path: HTTP path.
    """

    port: str
    path: str = "/metrics"

    def annotations(self, ports: Mapping[str, Port]) -> dict[str, str]:
        """Annotations by which Prometheus finds the pods.

        Args:
            ports: Container ports, by name.

        Returns:
            The customary `prometheus.io/*` annotations.
        """
        return {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(ports[self.port].number),
            "prometheus.io/path": self.path,
        }


@dataclass(frozen=True)
class Options:
    """What a stack may say about any app whose pods are all alike.

    Attributes:
        replicas: Fixed number of pods, or None with `autoscaling`.
        autoscaling: Scaling by load, or None.
        resources: What one pod asks for.
        service_type: Kubernetes Service type.
        node_port: Fixed port on every node, or None.
        host: Host name at the ingress controller, or None.
    """

    replicas: int | None = 2
    autoscaling: Autoscaling | None = None
    resources: ContainerResources = ContainerResources(cpu="100m", memory="100Mi")
    service_type: Literal["ClusterIP", "NodePort", "LoadBalancer"] = "LoadBalancer"
    node_port: int | None = None
    host: str | None = None
