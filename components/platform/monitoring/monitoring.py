"""Prometheus, Grafana and node-exporter in their namespaces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.model import Outside, Port
from components.platform.ingress import KUBERNETES_API
from components.platform.monitoring.dashboard import dashboard, dashboard_provider, datasources
from components.platform.monitoring.scraping import prometheus_config
from components.platform.namespace import GuardedNamespace, GuardedNamespaceArgs
from components.platform.reader import Rule, make_reader
from components.versions import IMAGES
from components.workload import (
    Check,
    Container,
    ContainerResources,
    Credential,
    CredentialArgs,
    Exemption,
    Exposure,
    Metrics,
    Probes,
    SecretValue,
    Service,
    ServiceArgs,
    ServicePort,
    Storage,
)

if TYPE_CHECKING:
    from components.model import Cluster, Namespace, Peer
    from components.scope import Scope

PROMETHEUS_USER = 65534
"""`nobody`, the user of the official Prometheus and node-exporter images."""
GRAFANA_USER = 472
"""User of the official Grafana image (https://grafana.com/docs/grafana/latest/setup-grafana/configure-docker/)."""
NODES = Outside("nodes", ("0.0.0.0/0",), (10250, 9100))
"""Kubelets and node-exporters answer on the nodes' own addresses, which no pod selector covers."""
_DASHBOARDS = "/etc/grafana/dashboards"


@dataclass(frozen=True)
class MonitoringArgs:
    """What may differ between clusters.

    Attributes:
        scope: The stack.
        cluster: Where it runs.
        grafana_node_port: Fixed port on every node for Grafana, or None.
        prometheus_node_port: Fixed port on every node for Prometheus; None: inside the cluster only.
        retention_days: Days of metrics that Prometheus keeps.
        storage: Size of Prometheus' volume.
    """

    scope: Scope
    cluster: Cluster
    grafana_node_port: int | None = None
    prometheus_node_port: int | None = None
    retention_days: int = 15
    storage: str = "2Gi"


class Monitoring(pulumi.ComponentResource):
    """The monitoring of one cluster.

    Attributes:
        prometheus: Prometheus.
        reader: Prometheus' pods, which read the apps' metrics.
        grafana: Grafana.
    """

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        """Make the monitoring.

        Args:
            name: Logical name.
            args: What may differ between clusters.
            opts: Options of the component.
        """
        options = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(provider=args.cluster.provider), opts)
        super().__init__("slipway:platform:Monitoring", name, None, options)
        name = args.cluster.name
        namespace = GuardedNamespace(
            f"{name}-monitoring",
            GuardedNamespaceArgs(scope=args.scope, cluster=args.cluster, system="monitoring", keeps_data=True),
            pulumi.ResourceOptions(parent=self),
        ).handle
        prometheus = self._prometheus(name, args, namespace)
        self.prometheus = prometheus
        self.reader: Peer = prometheus.peer
        self.grafana = self._grafana(name, args, namespace, prometheus)
        self._node_exporter(name, args)
        self.register_outputs({"prometheus": prometheus.url, "grafana": self.grafana.url})

    def _prometheus(self, name: str, args: MonitoringArgs, namespace: Namespace) -> Service:
        account = make_reader(
            self,
            f"{name}-prometheus",
            namespace,
            [
                Rule(resources=("nodes", "pods")),
                Rule(resources=("nodes/metrics",), verbs=("get",)),
                Rule(urls=("/metrics", "/metrics/cadvisor"), verbs=("get",)),
            ],
        )
        return Service(
            f"{name}-prometheus",
            ServiceArgs(
                namespace=namespace,
                object_name="prometheus",
                tier="monitoring",
                # A StatefulSet: its volume belongs to the one pod with that name, and two must never write to it.
                kind="StatefulSet",
                containers=(
                    Container(
                        name="prometheus",
                        image=IMAGES["prometheus"],
                        ports=(Port("http", 9090),),
                        probes=Probes.of(
                            Check(path="/-/ready", port="http"),
                            startup_seconds=180,
                            liveness=Check(path="/-/healthy", port="http"),
                        ),
                        args=(
                            "--config.file=/etc/prometheus/prometheus.yml",
                            "--storage.tsdb.path=/prometheus",
                            f"--storage.tsdb.retention.time={args.retention_days}d",
                        ),
                        resources=ContainerResources(cpu="50m", memory="256Mi", memory_limit="768Mi"),
                        files={
                            "/etc/prometheus": {
                                "prometheus.yml": prometheus_config(verified_kubelets=args.cluster.verified_kubelets)
                            }
                        },
                        claim_mount="/prometheus",
                    ),
                ),
                storage=Storage(args.storage),
                exposure=Exposure(
                    ports=(ServicePort("http", 9090, "http", args.prometheus_node_port),),
                    service_type="NodePort" if args.prometheus_node_port else "ClusterIP",
                ),
                connects_to=(KUBERNETES_API, NODES),
                user=PROMETHEUS_USER,
                service_account=account,
                exemptions=(Exemption("service-account-token", "finds its targets by asking the API server"),),
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _grafana(self, name: str, args: MonitoringArgs, namespace: Namespace, prometheus: Service) -> Service:
        admin = Credential(
            f"{name}-grafana-admin",
            CredentialArgs(namespace=namespace, fixed={"user": "admin"}, secret_name="grafana-admin"),  # noqa: S106 - a name
            pulumi.ResourceOptions(parent=self),
        )
        return Service(
            f"{name}-grafana",
            ServiceArgs(
                namespace=namespace,
                object_name="grafana",
                tier="monitoring",
                # A Deployment without volume: everything it shows is provisioned from files.
                containers=(
                    Container(
                        name="grafana",
                        image=IMAGES["grafana"],
                        ports=(Port("http", 3000),),
                        probes=Probes.of(Check(path="/api/health", port="http"), startup_seconds=180),
                        env={
                            "GF_ANALYTICS_REPORTING_ENABLED": "false",
                            "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
                            "GF_USERS_ALLOW_SIGN_UP": "false",
                            # It would fetch plugins from its maker at each start, and the network lets it out nowhere.
                            "GF_PLUGINS_PREINSTALL_DISABLED": "true",
                        },
                        secret_env={
                            "GF_SECURITY_ADMIN_USER": SecretValue(admin, "user"),
                            "GF_SECURITY_ADMIN_PASSWORD": SecretValue(admin, "password"),
                        },
                        resources=ContainerResources(cpu="20m", memory="128Mi", memory_limit="512Mi"),
                        writable=("/var/lib/grafana", "/var/log/grafana", "/tmp"),  # noqa: S108 - in the container
                        files={
                            "/etc/grafana/provisioning/datasources": {
                                "prometheus.yaml": datasources(f"http://{prometheus.host}:9090")
                            },
                            "/etc/grafana/provisioning/dashboards": {"slipway.yaml": dashboard_provider(_DASHBOARDS)},
                            _DASHBOARDS: {"slipway.json": dashboard()},
                        },
                    ),
                ),
                exposure=Exposure(
                    ports=(ServicePort("http", 3000, "http", args.grafana_node_port),),
                    service_type="NodePort" if args.grafana_node_port else "ClusterIP",
                ),
                connects_to=(prometheus.endpoint("http"),),
                user=GRAFANA_USER,
            ),
            pulumi.ResourceOptions(parent=self),
        )

    def _node_exporter(self, name: str, args: MonitoringArgs) -> Service:
        namespace = GuardedNamespace(
            f"{name}-node-exporter",
            GuardedNamespaceArgs(
                scope=args.scope,
                cluster=args.cluster,
                system="node-exporter",
                pod_security="privileged",
                pod_security_reason="node-exporter reads the node's own network, processes and file systems",
            ),
            pulumi.ResourceOptions(parent=self),
        ).handle
        return Service(
            f"{name}-node-exporter-agent",
            ServiceArgs(
                namespace=namespace,
                object_name="node-exporter",
                tier="monitoring",
                kind="DaemonSet",
                replicas=None,
                containers=(
                    Container(
                        name="node-exporter",
                        image=IMAGES["node-exporter"],
                        ports=(Port("metrics", 9100),),
                        probes=Probes.of(Check(path="/", port="metrics")),
                        args=(
                            "--path.rootfs=/host",
                            "--path.procfs=/host/proc",
                            "--path.sysfs=/host/sys",
                            # On the node's cluster address only, not on every interface it has.
                            "--web.listen-address=$(NODE_ADDRESS):9100",
                        ),
                        field_env={"NODE_ADDRESS": "status.hostIP"},
                        resources=ContainerResources(cpu="10m", memory="64Mi"),
                        host_paths={"/": "/host"},
                        stop_delay=0,
                    ),
                ),
                user=PROMETHEUS_USER,
                metrics=Metrics("metrics"),
                exemptions=(
                    Exemption("host-network", "reports the node's own interfaces"),
                    Exemption("host-pid", "reports the node's own processes"),
                    Exemption("host-path", "reports the node's own file systems, mounted read-only"),
                ),
            ),
            pulumi.ResourceOptions(parent=self),
        )
