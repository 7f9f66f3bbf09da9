"""What a workload says about itself as a whole; contradictions are refused when they are said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from components.workload.pod import DEFAULT_USER
from components.workload.spec import SELECTOR_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.model import Endpoint, Namespace, Outside
    from components.workload.container import Container
    from components.workload.spec import Autoscaling, Exemption, Exposure, Metrics, Smoke, Storage

STICKY_REPLICAS = 2
Kind = Literal["Deployment", "StatefulSet", "DaemonSet"]


@dataclass(frozen=True)
class ServiceArgs:
    """What a workload is made of.

    Attributes:
        namespace: Where it lives.
        tier: Value of the `tier` label.
        containers: Its containers; the app's own first.
        kind: The controller. A Deployment for pods that are all alike; a StatefulSet where each pod has a name or a
            volume of its own; a DaemonSet for one pod a node.
        replicas: Fixed number of pods; None for a DaemonSet or where the autoscaler decides.
        autoscaling: Scaling by load; excludes `replicas`.
        exposure: How it is reached; None: not at all.
        connects_to: Everything it opens connections to.
        storage: The volume its containers mount, or None.
        selector: Labels that select its pods; None: `app` and `tier`.
        labels: Further labels of the pods, never selected.
        user: User and group id of its containers.
        exemptions: Departures from the hardened core, each with its reason.
        init_containers: Steps that run before the containers.
        service_account: Service account whose token the pods get; needs an exemption.
        annotations: Annotations of the pods.
        component_of: The app of the stack file that this is a part of; None: it bears that name itself.
        object_name: Name of its Kubernetes objects; None: the component's. Two systems may both have a `redis-master`.
        metrics: Where Prometheus finds its metrics, or None.
        public: Whether anybody may connect even though its Service is internal (a host-network agent).
        smoke: What a new release of it has to answer, or None.
    """

    namespace: Namespace
    tier: str
    containers: tuple[Container, ...]
    kind: Kind = "Deployment"
    replicas: int | None = 1
    autoscaling: Autoscaling | None = None
    exposure: Exposure | None = None
    connects_to: tuple[Endpoint | Outside, ...] = ()
    storage: Storage | None = None
    selector: Mapping[str, str] | None = None
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    user: int = DEFAULT_USER
    exemptions: tuple[Exemption, ...] = ()
    init_containers: tuple[Container, ...] = ()
    service_account: str | None = None
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    component_of: str | None = None
    object_name: str | None = None
    metrics: Metrics | None = None
    public: bool = False
    smoke: Smoke | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, naming both values and the way out."""
        if not self.containers:
            raise ValueError("a workload needs at least one container")
        self._check_replicas()
        self._check_storage()
        if self.smoke and not (self.exposure and self.exposure.browsable):
            raise ValueError("a smoke check is asked over HTTP, which needs an exposure that is browsable")
        if self.selector is not None and (unknown := set(self.selector) - SELECTOR_KEYS):
            raise ValueError(f"selector label {sorted(unknown)[0]} may change; use {', '.join(sorted(SELECTOR_KEYS))}")

    def _check_replicas(self) -> None:
        if self.autoscaling and self.replicas is not None:
            raise ValueError(f"replicas ({self.replicas}) and autoscaling exclude each other; leave one out")
        if self.autoscaling and not all(container.resources.cpu for container in self.containers):
            raise ValueError("autoscaling by CPU needs a CPU request on every container")
        if self.kind == "DaemonSet" and (self.replicas is not None or self.autoscaling or self.storage):
            raise ValueError("a DaemonSet has one pod a node: no replicas, autoscaling or storage")
        if self.kind != "DaemonSet" and self.replicas is None and not self.autoscaling:
            raise ValueError(f"a {self.kind} needs replicas or autoscaling")
        if self.replicas is not None and self.replicas < 1:
            raise ValueError(f"replicas must be at least 1, not {self.replicas}")
        least = self.autoscaling.min_replicas if self.autoscaling else (self.replicas or 1)
        if self.exposure and self.exposure.sticky_cookie and least < STICKY_REPLICAS:
            raise ValueError(f"sticky sessions need at least {STICKY_REPLICAS} replicas, not {least}")

    def _check_storage(self) -> None:
        single = self.storage is not None and self.storage.access_mode != "ReadWriteMany"
        if single and self.kind == "Deployment" and (self.autoscaling or (self.replicas or 0) > 1):
            raise ValueError(
                f"a {self.storage.access_mode if self.storage else ''} volume is mounted by one pod: "
                f"replicas must be 1, not {self.replicas or 'autoscaled'}; or use a StatefulSet"
            )
        mounted = any(container.claim_mount for container in self.containers)
        if self.storage and not mounted:
            raise ValueError("storage is given, but no container says where it is mounted (claim_mount)")
        if mounted and not self.storage:
            raise ValueError("a container mounts a claim, but no storage is given")
