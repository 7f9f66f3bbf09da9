"""Pinned third-party images, one constant per image: the only place where a version of somebody else's image stands.

The keys are the names that `images/*/image.toml` and the workload files use; the values are complete public references
(registry, repository, tag). Renovate reads the comments and proposes updates (datasource `docker`).

This module imports nothing, so the embedded cluster's image mirror can read it without loading Pulumi.
"""

from __future__ import annotations

from typing import Final

IMAGES: Final[dict[str, str]] = {
    # renovate: datasource=docker depName=docker.io/library/debian
    "debian": "docker.io/library/debian:bookworm-slim",
    # renovate: datasource=docker depName=docker.io/library/nginx
    "nginx": "docker.io/library/nginx:1.29.3",
    # renovate: datasource=docker depName=docker.io/library/redis
    "redis": "docker.io/library/redis:7.0.15",
    # renovate: datasource=docker depName=docker.io/library/postgres
    "postgres": "docker.io/library/postgres:15.14",
    # renovate: datasource=docker depName=docker.io/library/mariadb
    "mariadb": "docker.io/library/mariadb:10.11.14",
    # renovate: datasource=docker depName=docker.io/library/traefik
    "traefik": "docker.io/library/traefik:v3.6.12",
    # renovate: datasource=docker depName=docker.io/maildev/maildev
    "maildev": "docker.io/maildev/maildev:2.2.1",
    # renovate: datasource=docker depName=docker.io/prom/prometheus
    "prometheus": "docker.io/prom/prometheus:v3.13.5",
    # renovate: datasource=docker depName=docker.io/prom/node-exporter
    "node-exporter": "docker.io/prom/node-exporter:v1.9.1",
    # renovate: datasource=docker depName=docker.io/grafana/grafana
    "grafana": "docker.io/grafana/grafana:12.1.1",
    # renovate: datasource=docker depName=docker.io/griddb/griddb
    "griddb-server": "docker.io/griddb/griddb:5.6.0-jammy",
    # v5 renamed the Redis services it looks for; the tutorial's names (redis-master, redis-slave) are v4's.
    "guestbook-frontend": "gcr.io/google-samples/gb-frontend:v4",
    # The tutorial names no tag and a moving one is never used: a number of our own.
    "http-debug-server": "docker.io/cotoami/http-debug-server:1.0.0",
    "cotoami": "docker.io/cotoami/cotoami:1.0.0",
    # renovate: datasource=docker depName=registry.k8s.io/defaultbackend-amd64
    "default-backend": "registry.k8s.io/defaultbackend-amd64:1.5",
}
