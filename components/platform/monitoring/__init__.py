"""Monitoring of a cluster: Prometheus, Grafana and node-exporter."""

from components.platform.monitoring.monitoring import Monitoring, MonitoringArgs

__all__ = ["Monitoring", "MonitoringArgs"]
