"""What apps have in common: where they run, how many pods there are, what one asks for and how it is reached."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from components.quantities import cpu_millis, memory_bytes
from stacks.settings.fields import ClusterName, Count, Cpu, HostName, Memory, Model, NodePort

Replicas = Annotated[Count, Field(ge=1, le=100, examples=[3])]
ServiceType = Literal["ClusterIP", "NodePort", "LoadBalancer"]


class Autoscale(Model):
    """Scaling by load (HorizontalPodAutoscaler, autoscaling/v2).

    Attributes:
        min_replicas: Pods without load.
        max_replicas: Pods at most.
        cpu_percent: Average CPU use, in percent of the CPU request, above which pods are added.
        scale_down_seconds: How long the load must be gone before pods are taken away.
    """

    min_replicas: Replicas = 2
    max_replicas: Replicas = 4
    cpu_percent: Annotated[Count, Field(ge=1, le=100, examples=[70])] = 50
    scale_down_seconds: Annotated[Count, Field(ge=0, le=3600, examples=[60])] = 300

    @model_validator(mode="after")
    def _bounds(self) -> Self:
        if self.min_replicas > self.max_replicas:
            raise ValueError(
                f"minReplicas ({self.min_replicas}) must not be more than maxReplicas ({self.max_replicas})"
            )
        return self


class Resources(Model):
    """What one pod asks for.

    Attributes:
        cpu: CPU request.
        memory: Memory request and, unless `memoryLimit` says otherwise, the limit.
        memory_limit: Memory limit.
    """

    cpu: Cpu = "100m"
    memory: Memory = "100Mi"
    memory_limit: Memory | None = None

    @model_validator(mode="after")
    def _limit(self) -> Self:
        if self.memory_limit is not None and memory_bytes(self.memory_limit) < memory_bytes(self.memory):
            raise ValueError(f"memoryLimit ({self.memory_limit}) must be at least memory ({self.memory})")
        return self


class AppBase(Model):
    """What every app has.

    Attributes:
        cluster: Name of the cluster it runs on; moving it is changing this one line.
        tag_key: Key below the app by which a new image is released: `revision`, the tag of an own image, or a key whose
            value is a whole image reference. Not a setting itself.
    """

    cluster: ClusterName
    tag_key: ClassVar[str]

    def node_ports(self) -> dict[str, int]:
        """Fixed node ports of the app.

        Returns:
            Key path below the app to port.
        """
        return {}


class StatelessApp(AppBase):
    """An app whose pods are all alike.

    Attributes:
        replicas: Fixed number of pods, which excludes `autoscale`; none: three of http-debug-server, guestbook and
            example-app, one of todo and of an all-in-one Cotoami, else two.
        autoscale: Scaling by load instead of a fixed number.
        resources: What one pod asks for.
        service_type: Kubernetes Service type.
        node_port: Fixed port on every node; none lets Kubernetes choose.
        host: Host name under which the cluster's ingress controller serves it.
    """

    replicas: Replicas | None = None
    autoscale: Autoscale | None = None
    resources: Resources = Resources()
    service_type: ServiceType = "LoadBalancer"
    node_port: NodePort | None = None
    host: HostName | None = None

    @property
    def default_replicas(self) -> int:
        """Pods where neither `replicas` nor `autoscale` is given."""
        return 2

    @property
    def fixed_replicas(self) -> int | None:
        """The fixed number of pods, or None where the autoscaler decides."""
        return None if self.autoscale else (self.replicas or self.default_replicas)

    def node_ports(self) -> dict[str, int]:
        """Fixed node ports of the app.

        Returns:
            Key path below the app to port.
        """
        return {} if self.node_port is None else {"nodePort": self.node_port}

    @model_validator(mode="after")
    def _conflicts(self) -> Self:
        if self.autoscale and self.replicas is not None:
            raise ValueError(f"replicas ({self.replicas}) and autoscale exclude each other; keep one of them")
        if self.autoscale and cpu_millis(self.resources.cpu) < 1:
            raise ValueError("autoscale needs a CPU request; set resources.cpu")
        if self.node_port is not None and self.service_type == "ClusterIP":
            raise ValueError(
                f"nodePort ({self.node_port}) needs serviceType NodePort or LoadBalancer, not {self.service_type}"
            )
        return self
