"""A container as Kubernetes takes it, hardened unless a named exemption says otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_kubernetes as kubernetes

from components.names import object_name

if TYPE_CHECKING:
    from components.workload.container import Check, Container, Probe

core = kubernetes.core.v1


def _handler(check: Check) -> dict[str, Any]:
    if check.command:
        return {"exec_": core.ExecActionArgs(command=list(check.command))}
    assert check.port is not None  # noqa: S101 - Check refuses anything else
    if check.path is None:
        return {"tcp_socket": core.TCPSocketActionArgs(port=check.port)}
    headers = [core.HTTPHeaderArgs(name=name, value=value) for name, value in check.headers.items()]
    return {"http_get": core.HTTPGetActionArgs(path=check.path, port=check.port, http_headers=headers or None)}


def _probe(probe: Probe | None) -> core.ProbeArgs | None:
    if probe is None:
        return None
    return core.ProbeArgs(
        initial_delay_seconds=probe.initial_delay or None,
        period_seconds=probe.period,
        timeout_seconds=probe.timeout,
        failure_threshold=probe.failures,
        **_handler(probe.check),
    )


def _slug(path: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in path.strip("/").lower()).strip("-") or "root"


def volume_name(container: str, path: str) -> str:
    """Name of the volume behind a directory of a container."""
    return object_name(container, _slug(path))


def config_map_name(app: str, container: str, path: str) -> str:
    """Name of the ConfigMap behind a mount directory.

    Args:
        app: Name of the app.
        container: Name of the container.
        path: Mount directory.

    Returns:
        The object name.
    """
    slug = _slug(path)
    return object_name(app, slug) if container == app else object_name(app, container, slug)


def _mounts(container: Container) -> list[core.VolumeMountArgs]:
    mounts = [
        *(core.VolumeMountArgs(name=volume_name(container.name, path), mount_path=path) for path in container.writable),
        *(
            core.VolumeMountArgs(name=volume_name(container.name, path), mount_path=path, read_only=True)
            for path in (*container.files, *container.secret_files)
        ),
        *(
            core.VolumeMountArgs(name=volume_name("host", host), mount_path=path, read_only=True)
            for host, path in container.host_paths.items()
        ),
    ]
    if container.claim_mount:
        mounts.append(core.VolumeMountArgs(name="data", mount_path=container.claim_mount))
    return mounts


def _env(container: Container) -> list[core.EnvVarArgs]:
    return [
        *(core.EnvVarArgs(name=name, value=value) for name, value in container.env.items()),
        *(
            core.EnvVarArgs(
                name=name,
                value_from=core.EnvVarSourceArgs(
                    secret_key_ref=core.SecretKeySelectorArgs(name=secret.credential.secret_name, key=secret.key)
                ),
            )
            for name, secret in container.secret_env.items()
        ),
        *(
            core.EnvVarArgs(
                name=name,
                value_from=core.EnvVarSourceArgs(field_ref=core.ObjectFieldSelectorArgs(field_path=path)),
            )
            for name, path in container.field_env.items()
        ),
    ]


def container_args(container: Container, user: int, exempt: frozenset[str]) -> core.ContainerArgs:
    """A container under the hardened core.

    Args:
        container: The container.
        user: User and group id of the pod.
        exempt: Kinds of departures from the core that the workload has a reason for.

    Returns:
        The same, as Kubernetes takes it.

    Raises:
        ValueError: It runs as root without an exemption.
    """
    uid = user if container.user is None else container.user
    if uid == 0 and "root-user" not in exempt:
        raise ValueError(f"container {container.name} runs as user 0: needs the exemption root-user with a reason")
    limit = container.resources.memory_limit or container.resources.memory
    return core.ContainerArgs(
        name=container.name,
        image=container.image,
        image_pull_policy="IfNotPresent",
        command=list(container.command) or None,
        args=list(container.args) or None,
        env=_env(container) or None,
        ports=[
            core.ContainerPortArgs(name=port.name, container_port=port.number, protocol=port.protocol)
            for port in container.ports
        ]
        or None,
        resources=core.ResourceRequirementsArgs(
            requests={"cpu": container.resources.cpu, "memory": container.resources.memory}, limits={"memory": limit}
        ),
        security_context=core.SecurityContextArgs(
            allow_privilege_escalation=False,
            read_only_root_filesystem="writable-root" not in exempt,
            run_as_non_root=uid != 0,
            run_as_user=uid,
            capabilities=core.CapabilitiesArgs(drop=["ALL"]),
        ),
        startup_probe=_probe(container.probes.startup) if container.probes else None,
        readiness_probe=_probe(container.probes.readiness) if container.probes else None,
        liveness_probe=_probe(container.probes.liveness) if container.probes else None,
        # Endpoints and proxies learn of a stopping pod a moment after it does: without the pause a server that stops at
        # once refuses requests that are still sent to it.
        lifecycle=core.LifecycleArgs(
            pre_stop=core.LifecycleHandlerArgs(sleep=core.SleepActionArgs(seconds=container.stop_delay))
        )
        if container.stop_delay and container.probes
        else None,
        volume_mounts=_mounts(container) or None,
        termination_message_policy="FallbackToLogsOnError",
    )
