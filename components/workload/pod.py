"""The pod template of every workload: Pod Security Standard `restricted`, unless a named exemption says otherwise."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.workload.container_args import config_map_name, container_args, volume_name

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.workload.container import Container
    from components.workload.spec import Exemption

core = kubernetes.core.v1

DEFAULT_USER = 10001
"""User and group id of an image that prescribes none: above the ids that distributions hand out."""
STOP_SECONDS = 30
"""How long a pod may take to stop, the preStop pause included."""
EMPTY_DIR_LIMIT = "256Mi"


def _volumes(app: str, containers: Sequence[Container], claim: str | None) -> list[core.VolumeArgs]:
    volumes: list[core.VolumeArgs] = []
    seen_hosts: set[str] = set()
    for container in containers:
        volumes.extend(
            core.VolumeArgs(
                name=volume_name(container.name, path),
                empty_dir=core.EmptyDirVolumeSourceArgs(size_limit=EMPTY_DIR_LIMIT),
            )
            for path in container.writable
        )
        volumes.extend(
            core.VolumeArgs(
                name=volume_name(container.name, path),
                config_map=core.ConfigMapVolumeSourceArgs(name=config_map_name(app, container.name, path)),
            )
            for path in container.files
        )
        volumes.extend(
            core.VolumeArgs(
                name=volume_name(container.name, path),
                secret=core.SecretVolumeSourceArgs(secret_name=credential.secret_name, default_mode=0o440),
            )
            for path, credential in container.secret_files.items()
        )
        for host in container.host_paths:
            if host not in seen_hosts:
                seen_hosts.add(host)
                volumes.append(
                    core.VolumeArgs(name=volume_name("host", host), host_path=core.HostPathVolumeSourceArgs(path=host))
                )
    if claim:
        volumes.append(
            core.VolumeArgs(
                name="data", persistent_volume_claim=core.PersistentVolumeClaimVolumeSourceArgs(claim_name=claim)
            )
        )
    return volumes


def config_digest(containers: Sequence[Container]) -> pulumi.Output[str] | None:
    """Digest of all configuration files of a pod, so that a changed file rolls the pods.

    Args:
        containers: The containers.

    Returns:
        16 hexadecimal digits, or None where there are no files.
    """
    files = {
        f"{container.name}:{path}/{file}": content
        for container in containers
        for path, entries in container.files.items()
        for file, content in entries.items()
    }
    if not files:
        return None

    def digest(contents: Mapping[str, str]) -> str:
        return hashlib.sha256(json.dumps(dict(contents), sort_keys=True).encode()).hexdigest()[:16]

    return pulumi.Output.all(**files).apply(digest)


def _annotations(
    containers: Sequence[Container], exemptions: Sequence[Exemption], more: Mapping[str, pulumi.Input[str]]
) -> dict[str, pulumi.Input[str]]:
    reasons = {f"slipway.dev/exempt-{exemption.kind}": exemption.reason for exemption in exemptions}
    digest = config_digest(containers)
    return {**reasons, **more, **({} if digest is None else {"slipway.dev/config-digest": digest})}


def _security_context(user: int, *, low_ports: bool) -> core.PodSecurityContextArgs:
    return core.PodSecurityContextArgs(
        run_as_non_root=user != 0,
        run_as_user=user,
        run_as_group=user,
        fs_group=user,
        # Changing the owner of every file of a large volume at each start would take minutes.
        fs_group_change_policy="OnRootMismatch",
        seccomp_profile=core.SeccompProfileArgs(type="RuntimeDefault"),
        sysctls=[core.SysctlArgs(name="net.ipv4.ip_unprivileged_port_start", value="0")] if low_ports else None,
    )


def _spread(selector: Mapping[str, str]) -> list[core.TopologySpreadConstraintArgs]:
    return [
        core.TopologySpreadConstraintArgs(
            max_skew=1,
            topology_key=key,
            # A preference: on one node the second replica must still run.
            when_unsatisfiable="ScheduleAnyway",
            label_selector=kubernetes.meta.v1.LabelSelectorArgs(match_labels=dict(selector)),
        )
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def pod_template(
    *,
    app: str,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    containers: Sequence[Container],
    init_containers: Sequence[Container] = (),
    user: int = DEFAULT_USER,
    exemptions: Sequence[Exemption] = (),
    low_ports: bool = False,
    claim: str | None = None,
    service_account: str | None = None,
    annotations: Mapping[str, pulumi.Input[str]] | None = None,
) -> core.PodTemplateSpecArgs:
    """A pod template under the hardened core.

    Args:
        app: Name of the app.
        labels: All labels of the pods, the selector's among them.
        selector: Labels by which pods are spread over nodes and zones.
        containers: The containers; the app's own first.
        init_containers: Steps that run before.
        user: User and group id; files of volumes belong to this group.
        exemptions: Departures from the core, each with its reason.
        low_ports: Whether an unprivileged process may listen below 1024 (a safe sysctl of its own network namespace).
        claim: Name of the claim to mount, or None.
        service_account: Service account whose token is mounted; needs the exemption `service-account-token`.
        annotations: Further annotations.

    Returns:
        The template.

    Raises:
        ValueError: Something needs an exemption that is not there.
    """
    exempt = frozenset(exemption.kind for exemption in exemptions)
    everything = [*init_containers, *containers]
    if any(c.host_paths for c in everything) and "host-path" not in exempt:
        raise ValueError(f"{app}: mounting the host's directories needs the exemption host-path with a reason")
    if service_account and "service-account-token" not in exempt:
        raise ValueError(f"{app}: a service account token needs the exemption service-account-token with a reason")
    return core.PodTemplateSpecArgs(
        metadata=kubernetes.meta.v1.ObjectMetaArgs(
            labels=dict(labels), annotations=_annotations(everything, exemptions, annotations or {}) or None
        ),
        spec=core.PodSpecArgs(
            automount_service_account_token=service_account is not None,
            service_account_name=service_account,
            enable_service_links=False,
            host_network=True if "host-network" in exempt else None,
            host_pid=True if "host-pid" in exempt else None,
            security_context=_security_context(user, low_ports=low_ports),
            termination_grace_period_seconds=STOP_SECONDS,
            topology_spread_constraints=_spread(selector),
            init_containers=[container_args(c, user, exempt) for c in init_containers] or None,
            containers=[container_args(c, user, exempt) for c in containers],
            volumes=_volumes(app, everything, claim) or None,
        ),
    )
