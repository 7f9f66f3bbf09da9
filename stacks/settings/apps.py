"""Settings of the apps: which cluster each runs on and what may differ between stacks."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.versions import IMAGES
from stacks.settings.fields import (
    Count,
    Cpu,
    HostName,
    ImageReference,
    Label,
    Memory,
    Model,
    Revision,
    cpu_millis,
    memory_bytes,
)

Replicas = Annotated[Count, Field(ge=1, le=100)]
NodePort = Annotated[Count, Field(ge=30000, le=32767)]
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
    cpu_percent: Annotated[Count, Field(ge=1, le=100)] = 50
    scale_down_seconds: Annotated[Count, Field(ge=0, le=3600)] = 300

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
    """

    cluster: Label

    def node_ports(self) -> dict[str, int]:
        """Fixed node ports of the app.

        Returns:
            Key path below the app to port.
        """
        return {}


class StatelessApp(AppBase):
    """An app whose pods are all alike.

    Attributes:
        replicas: Fixed number of pods; excludes `autoscale`.
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


class H2oExample(StatelessApp):
    """The H2O API mock (system 1).

    Attributes:
        revision: Tag of the own image `h2o` and value of the pods' `revision` label; raising it rolls the mock.
    """

    revision: Revision = "1"


class Nginx(StatelessApp):
    """nginx (system 4's workload).

    Attributes:
        image: The nginx image.
    """

    image: ImageReference = IMAGES["nginx"]


class Apps(Model):
    """The apps of a stack, each under its own name; one that is not named is not deployed."""

    h2o_example: H2oExample | None = Field(default=None, alias="h2o-example")
    nginx: Nginx | None = None

    def deployed(self) -> dict[str, AppBase]:
        """The apps that the stack names.

        Returns:
            App name to its settings, in alphabetical order.
        """
        fields = type(self).model_fields
        named = {fields[field].alias or field: getattr(self, field) for field in fields}
        return {name: app for name, app in sorted(named.items()) if app is not None}
