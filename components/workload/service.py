"""The hardened core: one component that turns a short description into a workload fit for production."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.model import Endpoint, Peer
from components.versions import by_tag
from components.workload.container import ExistingSecret
from components.workload.container_args import config_map_name
from components.workload.controllers import make_autoscaler, make_budget, make_controller
from components.workload.edges import allow_dns, allow_outside, allow_public, connect
from components.workload.exposure import make_exposure
from components.workload.need import need

if TYPE_CHECKING:
    from collections.abc import Sequence

    from components.model import Cluster
    from components.workload.args import ServiceArgs
    from components.workload.container import Container


def _image(reference: pulumi.Input[str], cluster: Cluster) -> pulumi.Input[str]:
    """An image as the cluster pulls it; with tag and digest containerd would go by the digest."""
    return by_tag(reference) if isinstance(reference, str) and not cluster.image_digests else reference


def _as_pulled(containers: Sequence[Container], cluster: Cluster) -> tuple[Container, ...]:
    return tuple(replace(container, image=_image(container.image, cluster)) for container in containers)


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

        self.controller = make_controller(self, args, self.peer, pod_labels, self._mounted(args))
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

    def _mounted(self, args: ServiceArgs) -> list[pulumi.Resource]:
        """The ConfigMaps of its files, made, and the Secrets that it takes values from."""
        everything, peer = (*args.init_containers, *args.containers), self.peer
        files = [
            kubernetes.core.v1.ConfigMap(
                config_map_name(peer.logical, container.name, path),
                metadata=peer.namespace.metadata(config_map_name(peer.app, container.name, path), labels=peer.selector),
                data=dict(entries),
                opts=peer.namespace.inside(self),
            )
            for container in everything
            for path, entries in container.files.items()
        ]
        made_here = (value.credential for c in everything for value in c.secret_env.values())
        credentials = {credential.resource for credential in made_here if not isinstance(credential, ExistingSecret)}
        credentials |= {credential.resource for c in everything for credential in c.secret_files.values()}
        return [*files, *credentials]

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
