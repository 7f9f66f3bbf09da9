"""Composition of the deployers at AWS: who they are, and what of the stack's state they may read and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.foundation.aws_deployer import AwsDeployer, AwsDeployerArgs, StateUser, StateUserArgs
from components.foundation.github import GithubJob
from components.foundation.github_identity import GithubIdentity, GithubIdentityArgs
from components.foundation.release_rights import StackState
from stacks.settings.clouds import AwsCloud
from stacks.settings.managed import EksCluster as EksSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.clusters.eks.cluster import EksCluster
    from components.foundation.aws_account import AwsAccountHandle
    from components.foundation.ecr import Ecr
    from components.foundation.state_bucket import StateBucket
    from components.scope import Scope
    from stacks.settings import Settings
    from stacks.settings.foundation import Deployer


class AwsDeployers:
    """The deployers of a stack at AWS; those of one account and repository share an identity provider."""

    def __init__(
        self, scope: Scope, settings: Settings, accounts: Mapping[str, AwsAccountHandle], state: StateBucket | None
    ) -> None:
        """Keep what they are made of.

        Args:
            scope: The stack.
            settings: The stack's settings.
            accounts: The accounts, by name.
            state: The bucket of the stack's state, or None.
        """
        self._scope, self._settings, self._accounts, self._state = scope, settings, accounts, state
        self._identities: dict[str, GithubIdentity] = {}

    def on_cluster(
        self, name: str, deployer: Deployer, settings: EksSettings, cluster: EksCluster, repositories: Ecr
    ) -> AwsDeployer:
        """Make the identity that releases apps to a cluster.

        Args:
            name: The deployer's name.
            deployer: Its settings.
            settings: Settings of its cluster.
            cluster: The cluster.
            repositories: Repositories of the cluster's own images.

        Returns:
            The identity.
        """
        if self._state is None:
            raise TypeError(f"deployer {name}: the settings' rules let none through without a state bucket")
        return AwsDeployer(
            name,
            AwsDeployerArgs(
                scope=self._scope,
                account=self._accounts[settings.cloud],
                cluster_name=cluster.control_plane.cluster.name,
                repositories=repositories.arns,
                kubeconfig=self._state.add_kubeconfig(deployer.cluster, cluster.deployer_kubeconfig),
                state=self._stack_state(self._state),
                finds_zones=self._finds_zones,
                job=GithubJob(deployer.repository, deployer.environment or self._scope.stack),
                identity=None if deployer.iam_user else self._identity(settings.cloud),
                user_reason=deployer.iam_user.reason if deployer.iam_user else None,
            ),
        )

    def state_user(self, name: str, deployer: Deployer) -> None:
        """Make what a deployer of another cloud is here, where no deployer of this cloud is the same jobs.

        Args:
            name: The deployer's name.
            deployer: Its settings.
        """
        cloud = self._settings.state and self._settings.state.cloud
        job = (deployer.github, deployer.environment)
        here = [
            other
            for other in self._settings.deployers.values()
            if isinstance(self._settings.clusters[other.cluster], EksSettings)
            and (other.github, other.environment) == job
        ]
        if self._state is None or cloud is None or here:
            return
        StateUser(
            name,
            StateUserArgs(
                scope=self._scope,
                account=self._accounts[cloud],
                state=self._stack_state(self._state),
                finds_zones=self._finds_zones,
                job=GithubJob(deployer.repository, deployer.environment or self._scope.stack),
                identity=self._identity(cloud),
            ),
        )

    def _identity(self, name: str) -> pulumi.Output[str]:
        cloud = self._settings.clouds[name]
        if name not in self._identities:
            make = isinstance(cloud, AwsCloud) and cloud.github_identity == "make"
            args = GithubIdentityArgs(scope=self._scope, account=self._accounts[name], make=make)
            self._identities[name] = GithubIdentity(name, args)
        return self._identities[name].arn

    def _stack_state(self, bucket: StateBucket) -> StackState:
        scope = self._scope
        return StackState(bucket.bucket_arn, bucket.key_arn, bucket.region, scope.project, scope.stack)

    @property
    def _finds_zones(self) -> bool:
        return any(not zone.main_zone.make and zone.main_zone.id is None for zone in self._settings.zones.values())
