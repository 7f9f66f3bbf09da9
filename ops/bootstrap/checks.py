"""What must be there before anything is made: programs and credentials, each missing one told with its remedy."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ops.errors import RefusedError
from ops.pulumi import cli

if TYPE_CHECKING:
    from local.progress import Progress
    from ops.bootstrap.plan import BootstrapPlan
    from ops.pulumi.cli import Cli

LEAST_CLI = (3, 211, 0)
"""Stashes came with Pulumi 3.208.0, tags of stacks in buckets with 3.211.0."""
LEAST_CLI_FOR_ROLES = (3, 246, 0)
"""From this version on, the URLs of a bucket and of a key can name a role."""
_SESSION = "slipway-bootstrap"
_TIMEOUT_S = 60
_GOOGLE_VARIABLES = ("GOOGLE_CREDENTIALS", "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN")


@dataclass(frozen=True)
class Aws:
    """The AWS CLI with the credentials of a plan."""

    program: str
    environment: dict[str, str]
    region: str

    def call(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Raises RefusedError where it does not end."""
        try:
            return subprocess.run(
                [self.program, *arguments, "--region", self.region, "--output", "json"],
                env={**os.environ, **self.environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=_TIMEOUT_S,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            raise RefusedError(
                f"aws {' '.join(arguments[:2])} did not end within {_TIMEOUT_S} s; is AWS reachable?"
            ) from None

    def bucket(self, name: str) -> Literal["ours", "missing", "foreign"]:
        """`foreign`: these credentials may not look into it. Raises RefusedError where AWS says something else."""
        done = self.call("s3api", "head-bucket", "--bucket", name)
        if done.returncode == 0:
            return "ours"
        if "404" in done.stderr or "Not Found" in done.stderr:
            return "missing"
        if "403" in done.stderr or "Forbidden" in done.stderr:
            return "foreign"
        raise RefusedError(f"AWS cannot say whether bucket {name} is there: {done.stderr.strip()}")


def pulumi_cli(plan: BootstrapPlan, progress: Progress) -> Cli:
    """Raises RefusedError for a CLI that is too old, or built from source: that has the Kubernetes provider alone."""
    install = "https://www.pulumi.com/docs/iac/download-install/"
    found = cli.for_clouds(progress)
    if found is None:
        raise RefusedError(
            f"bootstrap needs Pulumi's CLI and there is none on PATH; install it: {install} (the one that is built "
            "from source has no cloud's provider)"
        )
    least, why = (LEAST_CLI, "this program") if plan.cloud.role_arn is None else (LEAST_CLI_FOR_ROLES, "roleArn")
    numbers = re.search(r"v?(\d+)\.(\d+)\.(\d+)", found.version)
    if numbers is None or tuple(map(int, numbers.groups())) < least:
        version = ".".join(numbers.groups()) if numbers else "of an unknown version"
        raise RefusedError(
            f"{found.path} is Pulumi {version}, but {why} needs "
            f"{'.'.join(map(str, least))} or newer; install it: {install}"
        )
    return found


def aws_cli(plan: BootstrapPlan) -> Aws:
    """The AWS CLI, with the role's own credentials where there is a role. Raises RefusedError where the CLI or
    credentials are missing, or they are another account's."""
    program = shutil.which("aws")
    if program is None:
        raise RefusedError(
            "the AWS CLI is missing: bootstrap asks it for your identity, and EKS kubeconfigs run it for tokens; "
            "install it: https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
        )
    aws = Aws(program, operator(plan), plan.cloud.region)
    if plan.cloud.role_arn is not None:
        aws = _assumed(aws, plan, plan.cloud.role_arn)
    done = aws.call("sts", "get-caller-identity")
    if done.returncode != 0:
        raise _signed_out(plan, done.stderr)
    identity = cast("dict[str, Any]", json.loads(done.stdout))
    if identity["Account"] != plan.cloud.account_id:
        raise RefusedError(
            f"the AWS credentials ({identity['Arn']}) are of account {identity['Account']}, but the stack's is "
            f"{plan.cloud.account_id}; sign in to that one, or correct accountId in the stack file"
        )
    return aws


def operator(plan: BootstrapPlan) -> dict[str, str]:
    """Variables by which Pulumi and its providers find the operator's credentials; a role they assume themselves."""
    return {"AWS_PROFILE": plan.cloud.profile} if plan.cloud.profile else {}


def _assumed(aws: Aws, plan: BootstrapPlan, role_arn: str) -> Aws:
    done = aws.call("sts", "assume-role", "--role-arn", role_arn, "--role-session-name", _SESSION)
    if done.returncode != 0:
        if "AccessDenied" in done.stderr:
            raise RefusedError(
                f"your AWS credentials may not assume {role_arn} (roleArn in the stack file); its trust policy has to "
                f"name you, and you need sts:AssumeRole on it:\n  {done.stderr.strip()}"
            )
        raise _signed_out(plan, done.stderr)
    given = cast("dict[str, Any]", json.loads(done.stdout))["Credentials"]
    # Keys in the environment go before a profile in it.
    keys = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    return Aws(aws.program, {**aws.environment, **keys}, aws.region)


def _signed_out(plan: BootstrapPlan, said: str) -> RefusedError:
    profile = plan.cloud.profile
    hint = f"aws configure sso --profile {profile}" if profile else "aws configure, or set AWS_PROFILE"
    return RefusedError(f"AWS credentials are missing or no longer good; sign in ({hint}):\n  {said.strip()}")


def google_credentials() -> None:
    """Raises RefusedError without application default credentials, which Google's provider uses."""
    home = Path(os.environ.get("CLOUDSDK_CONFIG") or Path.home() / ".config" / "gcloud")
    if (
        any(os.environ.get(name) for name in _GOOGLE_VARIABLES)
        or (home / "application_default_credentials.json").is_file()
    ):
        return
    raise RefusedError(
        "Google credentials are missing, and a registry of the stack is there; run gcloud auth application-default "
        "login, or leave the registries for later with --no-registries"
    )
