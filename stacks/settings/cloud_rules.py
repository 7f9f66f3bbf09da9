"""Rules between the cloud parts of the settings, as lines `path = value | remedy`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.settings.app_base import StatelessApp
from stacks.settings.apps import Cotoami, ExampleApp
from stacks.settings.clouds import AwsCloud, GcpCloud, inside
from stacks.settings.foundation import PAST_ON_RDS, ArtifactRegistry, Ecr
from stacks.settings.managed import EksCluster, GkeCluster
from stacks.settings.networks import overlaps
from stacks.settings.problems import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stacks.settings.root import Settings

ANYWHERE = "0.0.0.0/0"


def broken_cloud_rules(settings: Settings) -> list[str]:
    """Check every rule between the clouds' parts.

    Args:
        settings: Settings whose parts are right by themselves.

    Returns:
        A line `path = value | remedy` for each broken rule.
    """
    return [
        *_something(settings),
        *_clouds(settings),
        *_places(settings),
        *_registries(settings),
        *_ranges(settings),
        *_api_access(settings),
        *_admins(settings),
        *_zones(settings),
        *_hosts(settings),
        *_foundation(settings),
        *_databases(settings),
    ]


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def _something(settings: Settings) -> Iterator[str]:
    if not settings.clusters and not settings.clouds:
        yield "clusters = (none) | is missing; add a cluster"


def _clouds(settings: Settings) -> Iterator[str]:
    wanted: list[tuple[str, str, type[AwsCloud | GcpCloud]]] = []
    for name, cluster in settings.clusters.items():
        if isinstance(cluster, GkeCluster):
            wanted.append((f"clusters.{name}.cloud", cluster.cloud, GcpCloud))
        elif isinstance(cluster, EksCluster):
            wanted.append((f"clusters.{name}.cloud", cluster.cloud, AwsCloud))
    for name, registry in settings.registries.items():
        kind = AwsCloud if isinstance(registry, Ecr) else GcpCloud
        wanted.append((f"registries.{name}.cloud", registry.cloud, kind))
    wanted += [(f"zones.{name}.cloud", zone.cloud, AwsCloud) for name, zone in settings.zones.items()]
    if settings.state:
        wanted.append(("state.cloud", settings.state.cloud, AwsCloud))
    for path, name, kind in wanted:
        cloud = settings.clouds.get(name)
        fitting = _list(n for n, c in settings.clouds.items() if isinstance(c, kind))
        label = "aws" if kind is AwsCloud else "gcp"
        if cloud is None:
            yield f"{path} = {shown(name)} | is no cloud of this stack; of kind {label} there is: {fitting}"
        elif not isinstance(cloud, kind):
            yield f"{path} = {shown(name)} | is of kind {cloud.kind}; of kind {label} there is: {fitting}"


def _places(settings: Settings) -> Iterator[str]:
    for name, cluster in settings.clusters.items():
        if isinstance(cluster, GkeCluster):
            cloud = settings.clouds.get(cluster.cloud)
            if isinstance(cloud, GcpCloud) and cluster.region != cloud.region:
                yield (
                    f"clusters.{name}.location = {cluster.location} | is not in {cloud.region}, "
                    f"the region of cloud {cluster.cloud}"
                )
        elif isinstance(cluster, EksCluster):
            cloud = settings.clouds.get(cluster.cloud)
            for i, zone in enumerate(cluster.zones):
                if isinstance(cloud, AwsCloud) and zone[:-1] != cloud.region:
                    yield (
                        f"clusters.{name}.zones.{i} = {zone} | is not in {cloud.region}, "
                        f"the region of cloud {cluster.cloud}"
                    )


def _registries(settings: Settings) -> Iterator[str]:
    for name, cluster in settings.clusters.items():
        if not isinstance(cluster, GkeCluster | EksCluster):
            continue
        path = f"clusters.{name}.registry"
        kind = Ecr if isinstance(cluster, EksCluster) else ArtifactRegistry
        fitting = [n for n, r in settings.registries.items() if type(r) is kind and r.cloud == cluster.cloud]
        if cluster.registry not in settings.registries:
            remedy = f"is no registry of this stack; in the cluster's cloud there is: {_list(fitting)}"
            yield f"{path} = {shown(cluster.registry)} | {remedy}"
        elif cluster.registry not in fitting and settings.registries[cluster.registry].cloud in settings.clouds:
            # Its nodes' identity may pull from its own account or project only.
            remedy = f"is not in the cluster's cloud {cluster.cloud}; there, there is: {_list(fitting)}"
            yield f"{path} = {shown(cluster.registry)} | {remedy}"


def _ranges(settings: Settings) -> Iterator[str]:
    # Networks that share no address can be connected later; ranges that live inside one cluster may repeat.
    ranges: dict[str, str] = {}
    for name, cluster in settings.clusters.items():
        path = f"clusters.{name}.network"
        if isinstance(cluster, EksCluster):
            ranges[f"{path}.cidr"] = cluster.network.cidr
        elif isinstance(cluster, GkeCluster):
            ranges[f"{path}.nodes"] = cluster.network.nodes
            ranges[f"{path}.pods"] = cluster.network.pods
            ranges[f"{path}.controlPlane"] = cluster.network.control_plane
            ranges[f"{path}.databases"] = cluster.network.databases
    for first, second in overlaps(ranges):
        if first.rpartition(".")[0] != second.rpartition(".")[0]:
            yield f"{second} = {ranges[second]} | overlaps {first} ({ranges[first]}); choose another range"


def _api_access(settings: Settings) -> Iterator[str]:
    for name, cluster in settings.clusters.items():
        if not isinstance(cluster, GkeCluster | EksCluster):
            continue
        for i, source in enumerate(cluster.api_access):
            if settings.lifecycle == "durable" and source == ANYWHERE:
                remedy = "opens the API to everybody; name the ranges that people and pipelines come from"
                yield f"clusters.{name}.apiAccess.{i} = {source} | {remedy}"


def _admins(settings: Settings) -> Iterator[str]:
    """EKS lets nobody in by itself, not even the identity that makes the cluster."""
    for name, cluster in settings.clusters.items():
        if isinstance(cluster, EksCluster) and not cluster.admins:
            cloud = settings.clouds.get(cluster.cloud)
            if isinstance(cloud, AwsCloud) and cloud.role_arn is None:
                remedy = "name the IAM roles and users that administer the cluster, the one that runs `up` among them"
                yield f"clusters.{name}.admins = (none) | {remedy}"


def _zones(settings: Settings) -> Iterator[str]:
    taken: dict[str, str] = {}
    for name, zone in settings.zones.items():
        path = f"zones.{name}"
        if not inside(zone.sub_zone, zone.main_zone.name):
            yield f"{path}.subZone = {zone.sub_zone} | must lie inside the main zone {zone.main_zone.name}"
        if zone.main_zone.make and zone.main_zone.id:
            yield f"{path}.mainZone.id = {zone.main_zone.id} | excludes make: a zone that is made has no id yet"
        other = taken.setdefault(zone.sub_zone, path)
        if other != path:
            yield f"{path}.subZone = {zone.sub_zone} | is already the sub-zone of {other}; choose another one"


def _hosts(settings: Settings) -> Iterator[str]:
    """A host on a cloud's cluster needs a DNS record, so it must lie in a zone of the stack if there is any."""
    zones = [zone.sub_zone for zone in settings.zones.values()]
    for name, app in settings.apps.deployed().items():
        cluster = settings.clusters.get(app.cluster)
        if not isinstance(app, StatelessApp) or app.host is None or not isinstance(cluster, GkeCluster | EksCluster):
            continue
        if zones and not any(inside(app.host, zone) for zone in zones):
            yield f"apps.{name}.host = {app.host} | must lie inside a sub-zone of this stack: {_list(zones)}"


def _foundation(settings: Settings) -> Iterator[str]:
    managed = {n: c for n, c in settings.clusters.items() if isinstance(c, GkeCluster | EksCluster)}
    users: list[tuple[str, str]] = [
        *((f"databases.{n}.cluster", d.cluster) for n, d in settings.databases.items()),
        *((f"deployers.{n}.cluster", d.cluster) for n, d in settings.deployers.items()),
    ]
    for path, cluster in users:
        if cluster not in managed:
            yield f"{path} = {shown(cluster)} | is no gke or eks cluster of this stack; there is: {_list(managed)}"
    served: dict[str, str] = {}
    for name, deployer in settings.deployers.items():
        path, cluster = f"deployers.{name}", managed.get(deployer.cluster)
        other = served.setdefault(deployer.cluster, path)
        if other != path:
            yield f"{path}.cluster = {deployer.cluster} | already has the deployer {other}; one identity per cluster"
        if deployer.iam_user and isinstance(cluster, GkeCluster):
            yield f"{path}.iamUser = {deployer.iam_user.reason} | is AWS's; {deployer.cluster} is a gke cluster"
        if isinstance(cluster, EksCluster) and settings.state is None:
            remedy = "reads its kubeconfig from the state bucket; add state"
            yield f"{path}.cluster = {deployer.cluster} | {remedy}"
    for name, database in settings.databases.items():
        size, cluster = database.size, managed.get(database.cluster)
        if size and cluster and size.startswith("db.") != isinstance(cluster, EksCluster):
            example = "db.t4g.micro" if isinstance(cluster, EksCluster) else "db-g1-small"
            yield f"databases.{name}.size = {size} | is not of the cluster's cloud; there, for example, {example}"
        if isinstance(cluster, GkeCluster) and (database.apply_immediately or database.allow_major_version_upgrade):
            key = "applyImmediately" if database.apply_immediately else "allowMajorVersionUpgrade"
            remedy = (
                f"is RDS's; {database.cluster} is a gke cluster, and Cloud SQL makes every change at once: remove it"
            )
            yield f"databases.{name}.{key} = true | {remedy}"


def _databases(settings: Settings) -> Iterator[str]:
    """A managed database is of a version that is made, and is reached from its own cluster's network alone."""
    for name, database in settings.databases.items():
        past = PAST_ON_RDS.get((database.engine, database.version))
        if isinstance(settings.clusters.get(database.cluster), EksCluster) and past:
            remedy = f"is past RDS' standard support ({past}), which makes no such instance; use a newer version"
            yield f"databases.{name}.version = {database.version} | {remedy}"
    for name, app in settings.apps.deployed().items():
        if not isinstance(app, Cotoami | ExampleApp) or app.database is None:
            continue
        path, database = f"apps.{name}.database", settings.databases.get(app.database)
        engine = "postgres" if isinstance(app, Cotoami) else "mysql"
        if database is None:
            yield f"{path} = {app.database} | is no database of this stack; there is: {_list(settings.databases)}"
            continue
        if database.engine != engine:
            yield f"{path} = {app.database} | is {database.engine}; {name} needs {engine}"
        if database.cluster != app.cluster:
            remedy = f"is beside cluster {database.cluster}; {name} runs on {app.cluster}: move one of them"
            yield f"{path} = {app.database} | {remedy}"
