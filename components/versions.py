"""Pinned third-party images, one constant per image: the only place where a version of somebody else's image stands.

The keys are the names that `images/*/image.toml` and the workload files use; the values are complete public references
(registry, repository, tag, and where it is known the digest of the image or of its index of platforms). The digests
come from the records of the official images (https://github.com/docker-library/repo-info) and from what others pulled
and pinned. Renovate reads the comments and proposes updates (datasource `docker`).

This module imports nothing, so the embedded cluster's image mirror can read it without loading Pulumi.
"""

from __future__ import annotations

from typing import Final

IMAGES: Final[dict[str, str]] = {
    # renovate: datasource=docker packageName=docker.io/library/debian
    "debian": "docker.io/library/debian:bookworm-slim",
    # renovate: datasource=docker packageName=docker.io/library/nginx
    "nginx": "docker.io/library/nginx:1.29.3@sha256:1beed3ca46acebe9d3fb62e9067f03d05d5bfa97a00f30938a0a3580563272ad",
    # renovate: datasource=docker packageName=docker.io/library/redis
    "redis": "docker.io/library/redis:7.0.15@sha256:ba8af28227224b9a73b59aa7df25b09781b8d6b23b72adcc4c58fb9019d81fa2",
    # renovate: datasource=docker packageName=docker.io/library/postgres
    "postgres": "docker.io/library/postgres:15.14@sha256:822f8795764a670160640888508b2a68ea5c4b045012c2de17e1d0447bdbdc99",
    # renovate: datasource=docker packageName=docker.io/library/mariadb
    "mariadb": "docker.io/library/mariadb:10.11.14@sha256:dbe56e20372fc6d6b8e0e396866ba89c4c7f128c38c4f59aaa54d957db95790c",
    # renovate: datasource=docker packageName=docker.io/library/traefik
    "traefik": "docker.io/library/traefik:v3.6.12@sha256:171c9c3565b29f6c133f1c1b43c5d4e5853415198e9e1078c001f8702ff66aec",
    # renovate: datasource=docker packageName=docker.io/maildev/maildev
    "maildev": "docker.io/maildev/maildev:2.2.1",
    # renovate: datasource=docker packageName=docker.io/prom/prometheus
    "prometheus": "docker.io/prom/prometheus:v3.13.5",
    # renovate: datasource=docker packageName=docker.io/prom/node-exporter
    "node-exporter": "docker.io/prom/node-exporter:v1.9.1@sha256:d00a542e409ee618a4edc67da14dd48c5da66726bbd5537ab2af9c1dfc442c8a",
    # renovate: datasource=docker packageName=docker.io/grafana/grafana
    "grafana": "docker.io/grafana/grafana:12.1.1@sha256:a1701c2180249361737a99a01bc770db39381640e4d631825d38ff4535efa47d",
    # renovate: datasource=docker packageName=docker.io/griddb/griddb
    "griddb-server": "docker.io/griddb/griddb:5.6.0-jammy",
    # The minor version follows the cluster's or is one behind it.
    # renovate: datasource=docker packageName=registry.k8s.io/autoscaling/cluster-autoscaler
    "cluster-autoscaler": "registry.k8s.io/autoscaling/cluster-autoscaler:v1.35.0",
    # v5 renamed the Redis services it looks for; the tutorial's names (redis-master, redis-slave) are v4's.
    "guestbook-frontend": "gcr.io/google-samples/gb-frontend:v4@sha256:d44e7d7491a537f822e7fe8615437e4a8a08f3a7a1d7d4cb9066b92f7556ba6d",
    # The tutorial names no tag and a moving one is never used: a number of our own.
    "http-debug-server": "docker.io/cotoami/http-debug-server:1.0.0",
    "cotoami": "docker.io/cotoami/cotoami:1.0.0",
    # renovate: datasource=docker packageName=registry.k8s.io/defaultbackend-amd64
    "default-backend": "registry.k8s.io/defaultbackend-amd64:1.5@sha256:4dc5e07c8ca4e23bddb3153737d7b8c556e5fb2f29c4558b7cd6e6df99c512c7",
}


def by_tag(reference: str) -> str:
    """An image reference without the digest that stands beside its tag; one without a tag stays as it is.

    Args:
        reference: Complete reference, such as `docker.io/library/nginx:1.29.3@sha256:…`.
    """
    name, _, digest = reference.partition("@")
    return name if digest and ":" in name.rpartition("/")[2] else reference
