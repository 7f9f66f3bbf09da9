"""The hardened core: one component that turns a short description into a workload fit for production."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_kubernetes as kubernetes

from components.workload.controllers import make_autoscaler, make_budget, make_controller
from components.workload.edges import Endpoint, Outside, Peer, allow_dns, allow_outside, allow_public, connect
from components.workload.exposure import make_exposure
from components.workload.need import need
from components.workload.pod import DEFAULT_USER, config_map_name
from components.workload.spec import SELECTOR_KEYS, ExistingSecret

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.clusters.handle import ClusterHandle
    from components.platform.namespace import Namespace
    from components.workload.spec import Autoscaling, Container, Exemption, Exposure, Metrics, Smoke, Storage

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


def _as_pulled(containers: Sequence[Container], cluster: ClusterHandle) -> tuple[Container, ...]:
    return tuple(replace(container, image=cluster.image(container.image)) for container in containers)


class Service(pulumi.ComponentResource):
    """One workload: controller, pods, Service, Ingress, scaling, disruption budget and network policies.

    Attributes:
        app: Its name.
        peer: Its pods, for edges.
        namespace: Where it lives.
        host: DNS name of its Service inside the cluster, or None.
        url: Where people reach it, or None.
        secure_url: The same over HTTPS: the URL of its Service's port 443, or None.
        address: Address of its load balancer (an IP or a host name), or None.
    """

    def __init__(self, name: str, args: ServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the workload.

        Args:
            name: Name of the app and of its Kubernetes objects.
            args: What it is made of.
            opts: Options of the component.

        Raises:
            ValueError: An edge leads nowhere, or something needs an exemption that is not there.
        """
        namespace = args.namespace
        args = replace(
            args,
            containers=_as_pulled(args.containers, namespace.cluster),
            init_containers=_as_pulled(args.init_containers, namespace.cluster),
        )
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=namespace.cluster.provider), opts)
        super().__init__("slipway:workloads:Service", name, None, options)
        self.app, self.namespace = name, namespace
        namespace.reserve(need(args))
        object_name = args.object_name or name
        selector = dict(args.selector or {"app": object_name, "tier": args.tier})
        ports = {port.name: port for container in args.containers for port in container.ports}
        self.peer = Peer(logical=name, app=object_name, namespace=namespace, selector=selector, ports=ports)
        pod_labels = {**namespace.scope.labels(namespace.system), **args.labels, **selector}

        everything = (*args.init_containers, *args.containers)
        files = [
            kubernetes.core.v1.ConfigMap(
                config_map_name(name, container.name, path),
                metadata=namespace.metadata(config_map_name(object_name, container.name, path), labels=selector),
                data=dict(entries),
                opts=namespace.inside(self),
            )
            for container in everything
            for path, entries in container.files.items()
        ]
        made_here = (value.credential for c in everything for value in c.secret_env.values())
        credentials = {credential.resource for credential in made_here if not isinstance(credential, ExistingSecret)}
        credentials |= {credential.resource for c in everything for credential in c.secret_files.values()}
        self.controller = make_controller(self, args, self.peer, pod_labels, [*files, *credentials])
        if args.autoscaling:
            make_autoscaler(self, args, self.peer, args.autoscaling)
        if args.kind != "DaemonSet":
            make_budget(self, self.peer)

        reached = make_exposure(self, self.peer, args.exposure, args.component_of or name) if args.exposure else None
        service_name = (args.exposure.service_name or object_name) if args.exposure else None
        self.host = f"{service_name}.{namespace.name}.svc.cluster.local" if service_name else None
        self.url: pulumi.Output[str] | None = reached.url if reached else None
        self.secure_url: pulumi.Output[str] | None = reached.secure_url if reached else None
        self.address: pulumi.Output[str] | None = reached.address if reached else None
        self._connect(args)
        self.register_outputs(
            {
                "name": name,
                "system": namespace.system,
                "cluster": namespace.cluster.name,
                "namespace": namespace.name,
                "kind": args.kind,
                "object": object_name,
                "service": service_name,
                "servicePort": args.exposure.ports[0].number if args.exposure else None,
                "serviceType": args.exposure.service_type if args.exposure else None,
                "nodePort": args.exposure.ports[0].node_port if args.exposure else None,
                "path": args.exposure.path if args.exposure and args.exposure.browsable else None,
                "ingressHost": args.exposure.host if args.exposure else None,
                "partOf": args.component_of,
                "image": args.containers[0].image,
                "url": self.url,
                **({"smoke": asdict(args.smoke)} if args.smoke else {}),
            }
        )

    def endpoint(self, port: str) -> Endpoint:
        """One of the workload's ports, to connect to.

        Args:
            port: Name of a container port.

        Returns:
            The endpoint.

        Raises:
            ValueError: There is no such port.
        """
        return Endpoint(self.peer, port)

    def _connect(self, args: ServiceArgs) -> None:
        for target in args.connects_to:
            if isinstance(target, Endpoint):
                connect(self.peer, target, self)
            else:
                allow_outside(self.peer, target, self)
        if args.connects_to:
            allow_dns(self.peer, self)
        if args.metrics and args.namespace.cluster.metrics_reader:
            connect(args.namespace.cluster.metrics_reader, self.endpoint(args.metrics.port), self)
        if args.exposure is None:
            return
        if args.exposure.service_type != "ClusterIP" or args.public:
            allow_public(self.peer, [port.target for port in args.exposure.ports], self)
        ingress = args.namespace.cluster.ingress
        if args.exposure.host and ingress:
            connect(ingress.peer, self.endpoint(args.exposure.ports[0].target), self)
