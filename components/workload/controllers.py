"""Deployment, StatefulSet and DaemonSet, the autoscaler and the disruption budget of a workload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_kubernetes as kubernetes

from components.workload.pod import pod_template

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.model import Peer
    from components.workload.args import ServiceArgs
    from components.workload.spec import Autoscaling, Storage

apps = kubernetes.apps.v1
core = kubernetes.core.v1
meta = kubernetes.meta.v1

PROGRESS_SECONDS = 300
"""Without progress for this long, a rollout has failed."""
KEPT_REVISIONS = 5
UNPRIVILEGED_PORT_START = 1024


def _claim_spec(storage: Storage, storage_class: str | None) -> core.PersistentVolumeClaimSpecArgs:
    return core.PersistentVolumeClaimSpecArgs(
        access_modes=[storage.access_mode],
        storage_class_name=storage_class,
        resources=core.VolumeResourceRequirementsArgs(requests={"storage": storage.size}),
    )


def make_controller(
    parent: pulumi.Resource,
    args: ServiceArgs,
    peer: Peer,
    pod_labels: Mapping[str, str],
    mounted: Sequence[pulumi.Resource],
) -> pulumi.CustomResource:
    """Make the controller of a workload.

    Args:
        parent: The workload's component.
        args: The workload.
        peer: Its names, namespace and selector.
        pod_labels: All labels of its pods.
        mounted: ConfigMaps and Secrets that must be there before the pods.

    Returns:
        The Deployment, StatefulSet or DaemonSet.
    """
    name = peer.app
    claim = _claim(parent, args.storage, peer) if args.storage and args.kind == "Deployment" else None
    template = pod_template(
        app=name,
        labels=pod_labels,
        selector=peer.selector,
        containers=args.containers,
        init_containers=args.init_containers,
        user=args.user,
        exemptions=args.exemptions,
        low_ports=any(port.number < UNPRIVILEGED_PORT_START for c in args.containers for port in c.ports),
        claim=_claim_name(peer) if claim else None,
        service_account=args.service_account,
        annotations={**args.annotations, **(args.metrics.annotations(peer.ports) if args.metrics else {})},
    )
    # Removed and awaited by itself, all at once: a namespace that goes while pods end waits for half of their time to
    # end, and looks again. A claim, and behind it a disk, goes only after the pods.
    options = pulumi.ResourceOptions.merge(
        peer.namespace.inside(parent, awaited_removal=True),
        # How many pods there are is the autoscaler's matter once it is there: an update keeps what it has decided.
        pulumi.ResourceOptions(depends_on=[*mounted, *([claim] if claim else [])], ignore_changes=_kept(args)),
    )
    metadata = peer.namespace.metadata(name, labels={**peer.selector, **args.labels})
    match args.kind:
        case "DaemonSet":
            return _daemon_set(peer, metadata, template, options)
        case "StatefulSet":
            return _stateful_set(args, peer, metadata, template, options)
        case "Deployment":
            return _deployment(args, peer, metadata, template, options)


def _claim_name(peer: Peer) -> str:
    return f"{peer.app}-data"


def _claim(parent: pulumi.Resource, storage: Storage, peer: Peer) -> core.PersistentVolumeClaim:
    namespace = peer.namespace
    return core.PersistentVolumeClaim(
        f"{peer.logical}-data",
        metadata=namespace.metadata(
            _claim_name(peer), labels=peer.selector, annotations={"pulumi.com/skipAwait": "true"}
        ),
        spec=_claim_spec(storage, namespace.cluster.storage_class),
        # A claim is bound when its first pod comes (WaitForFirstConsumer); awaiting it before would hang.
        opts=pulumi.ResourceOptions.merge(
            namespace.inside(parent, awaited_removal=True), pulumi.ResourceOptions(protect=namespace.scope.durable)
        ),
    )


def _match(peer: Peer) -> meta.LabelSelectorArgs:
    return meta.LabelSelectorArgs(match_labels=dict(peer.selector))


def _replicas(args: ServiceArgs) -> int | None:
    return args.autoscaling.min_replicas if args.autoscaling else args.replicas


def _daemon_set(
    peer: Peer, metadata: meta.ObjectMetaArgs, template: core.PodTemplateSpecArgs, options: pulumi.ResourceOptions
) -> apps.DaemonSet:
    return apps.DaemonSet(
        f"{peer.logical}-daemonset",
        metadata=metadata,
        spec=apps.DaemonSetSpecArgs(
            selector=_match(peer),
            template=template,
            revision_history_limit=KEPT_REVISIONS,
            update_strategy=apps.DaemonSetUpdateStrategyArgs(
                type="RollingUpdate", rolling_update=apps.RollingUpdateDaemonSetArgs(max_unavailable=1)
            ),
        ),
        opts=options,
    )


def _stateful_set(
    args: ServiceArgs,
    peer: Peer,
    metadata: meta.ObjectMetaArgs,
    template: core.PodTemplateSpecArgs,
    options: pulumi.ResourceOptions,
) -> apps.StatefulSet:
    namespace = peer.namespace
    claims = (
        [
            core.PersistentVolumeClaimArgs(
                api_version="v1",
                kind="PersistentVolumeClaim",
                metadata=meta.ObjectMetaArgs(
                    # A claim template never changes.
                    name="data",
                    labels={**namespace.scope.lasting_labels(namespace.system), **peer.selector},
                ),
                spec=_claim_spec(args.storage, namespace.cluster.storage_class),
            )
        ]
        if args.storage
        else None
    )
    return apps.StatefulSet(
        f"{peer.logical}-statefulset",
        metadata=metadata,
        spec=apps.StatefulSetSpecArgs(
            service_name=peer.app,
            replicas=_replicas(args),
            selector=_match(peer),
            template=template,
            revision_history_limit=KEPT_REVISIONS,
            volume_claim_templates=claims,
            # A tutorial environment leaves nothing behind; a durable one keeps its data when removed.
            persistent_volume_claim_retention_policy=apps.StatefulSetPersistentVolumeClaimRetentionPolicyArgs(
                when_deleted="Retain" if namespace.scope.durable else "Delete", when_scaled="Retain"
            )
            if claims
            else None,
        ),
        opts=options,
    )


def _deployment(
    args: ServiceArgs,
    peer: Peer,
    metadata: meta.ObjectMetaArgs,
    template: core.PodTemplateSpecArgs,
    options: pulumi.ResourceOptions,
) -> apps.Deployment:
    single = args.storage is not None and args.storage.access_mode != "ReadWriteMany"
    return apps.Deployment(
        f"{peer.logical}-deployment",
        metadata=metadata,
        spec=apps.DeploymentSpecArgs(
            replicas=_replicas(args),
            selector=_match(peer),
            template=template,
            revision_history_limit=KEPT_REVISIONS,
            progress_deadline_seconds=PROGRESS_SECONDS,
            strategy=apps.DeploymentStrategyArgs(type="Recreate")
            if single
            else apps.DeploymentStrategyArgs(
                type="RollingUpdate", rolling_update=apps.RollingUpdateDeploymentArgs(max_unavailable=0, max_surge=1)
            ),
        ),
        opts=options,
    )


def _kept(args: ServiceArgs) -> list[str] | None:
    """What of a controller stays as it was first applied."""
    replicas = ["spec.replicas"] if args.autoscaling else []
    # Pulumi would replace the StatefulSet, and its data could go with it; `ops.cluster.volumes` makes claims larger.
    claims = ["spec.volumeClaimTemplates"] if args.storage and args.kind == "StatefulSet" else []
    return [*replicas, *claims] or None


def make_autoscaler(
    parent: pulumi.Resource, args: ServiceArgs, peer: Peer, scaling: Autoscaling
) -> kubernetes.autoscaling.v2.HorizontalPodAutoscaler:
    """Make the autoscaler of a workload.

    Args:
        parent: The workload's component.
        args: The workload.
        peer: Its names and namespace.
        scaling: Bounds and threshold.

    Returns:
        The HorizontalPodAutoscaler.
    """
    v2 = kubernetes.autoscaling.v2
    return v2.HorizontalPodAutoscaler(
        f"{peer.logical}-autoscaler",
        metadata=peer.namespace.metadata(peer.app),
        spec=v2.HorizontalPodAutoscalerSpecArgs(
            scale_target_ref=v2.CrossVersionObjectReferenceArgs(api_version="apps/v1", kind=args.kind, name=peer.app),
            min_replicas=scaling.min_replicas,
            max_replicas=scaling.max_replicas,
            metrics=[
                v2.MetricSpecArgs(
                    type="Resource",
                    resource=v2.ResourceMetricSourceArgs(
                        name="cpu",
                        target=v2.MetricTargetArgs(type="Utilization", average_utilization=scaling.cpu_percent),
                    ),
                )
            ],
            behavior=v2.HorizontalPodAutoscalerBehaviorArgs(
                scale_down=v2.HPAScalingRulesArgs(stabilization_window_seconds=scaling.scale_down_seconds)
            ),
        ),
        opts=peer.namespace.inside(parent),
    )


def make_budget(parent: pulumi.Resource, peer: Peer) -> kubernetes.policy.v1.PodDisruptionBudget:
    """Make the disruption budget of a workload: one pod at a time, so that a single replica never blocks a drain.

    Args:
        parent: The workload's component.
        peer: Its names, namespace and selector.

    Returns:
        The PodDisruptionBudget.
    """
    return kubernetes.policy.v1.PodDisruptionBudget(
        f"{peer.logical}-budget",
        metadata=peer.namespace.metadata(peer.app),
        spec=kubernetes.policy.v1.PodDisruptionBudgetSpecArgs(
            max_unavailable=1,
            selector=meta.LabelSelectorArgs(match_labels=dict(peer.selector)),
            # A pod that is broken anyway must not keep a node from being drained.
            unhealthy_pod_eviction_policy="AlwaysAllow",
        ),
        opts=peer.namespace.inside(parent),
    )
