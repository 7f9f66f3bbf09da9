"""The hardened core: what a workload says about itself, and the Kubernetes objects made of it."""

from components.workload.args import ServiceArgs
from components.workload.container import (
    Check,
    Container,
    ContainerResources,
    ExistingSecret,
    Probe,
    Probes,
    SecretValue,
)
from components.workload.credential import Credential, CredentialArgs
from components.workload.pod import DEFAULT_USER
from components.workload.service import Service
from components.workload.spec import (
    Autoscaling,
    Exemption,
    Exposure,
    Metrics,
    Options,
    ServicePort,
    Smoke,
    Storage,
)

__all__ = [
    "DEFAULT_USER",
    "Autoscaling",
    "Check",
    "Container",
    "ContainerResources",
    "Credential",
    "CredentialArgs",
    "Exemption",
    "ExistingSecret",
    "Exposure",
    "Metrics",
    "Options",
    "Probe",
    "Probes",
    "SecretValue",
    "Service",
    "ServiceArgs",
    "ServicePort",
    "Smoke",
    "Storage",
]
