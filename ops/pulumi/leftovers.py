"""Whether a cloud still has something with a stack's tags, asked through the cloud's own command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ops.stack import Stack

_AWS = "pulumi:providers:aws"
_GOOGLE = "pulumi:providers:gcp"
# IAM, Route 53 and what else has no region is listed there.
_GLOBAL_REGION = "us-east-1"
_TIMEOUT_S = 120
_PATIENCE_S = 120.0
_POLL_S = 10.0
# Gone, but shown for an hour (instances, gateways) or for weeks (keys).
_GONE_STATES = {"PendingDeletion", "PendingReplicaDeletion", "terminated", "shutting-down", "deleted", "deleting"}
# Keys of Google Cloud cannot be deleted; their versions are.
_GOOGLE_STAYS = ("cloudkms.googleapis.com/",)


@dataclass(frozen=True)
class Leftovers:
    """What a look at the clouds came to; `unasked` are sentences with the reason and the way to ask by hand."""

    found: list[str] = field(default_factory=list[str])
    unasked: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class _Account:
    cloud: str
    place: str
    owner: str | None
    tags: tuple[tuple[str, str], ...]


def search(stack: Stack, kept: Collection[str]) -> Leftovers:
    """Ask each cloud account for what has the stack's tags and is not kept; waits a while for what is just going."""
    accounts = _accounts(stack)
    end = time.monotonic() + _PATIENCE_S
    while True:
        looked = Leftovers()
        for account in accounts:
            _ask(account, looked)
        left = [name for name in looked.found if not any(entry and entry in name for entry in kept)]
        if not left or time.monotonic() >= end:
            return Leftovers(sorted(set(left)), looked.unasked)
        time.sleep(_POLL_S)


def _accounts(stack: Stack) -> list[_Account]:
    found: dict[_Account, None] = {}
    for entry in stack.rendered.plan["resources"]:
        inputs = entry["inputs"]
        if entry["type"] == _AWS:
            owners = cast("list[str]", json.loads(inputs.get("allowedAccountIds") or "[]"))
            tags = _tags(json.loads(inputs["defaultTags"])["tags"])
            for region in dict.fromkeys((str(inputs["region"]), _GLOBAL_REGION)):
                found[_Account("aws", region, owners[0] if owners else None, tags)] = None
        elif entry["type"] == _GOOGLE:
            tags = _tags(json.loads(inputs["defaultLabels"]))
            found[_Account("google", str(inputs["project"]), None, tags)] = None
    return list(found)


def _tags(everything: dict[str, str]) -> tuple[tuple[str, str], ...]:
    """Those of the tags on every resource that no other stack has."""
    return tuple((key, everything[key]) for key in ("project", "stack"))


def _ask(account: _Account, looked: Leftovers) -> None:
    try:
        looked.found.extend(_aws(account) if account.cloud == "aws" else _google(account))
    except _CannotAskError as error:
        looked.unasked.append(str(error))


class _CannotAskError(Exception):
    """A cloud cannot be asked; the message says why and how to do it by hand."""


def _aws(account: _Account) -> list[str]:
    region = ["--region", account.place]
    filters = [f"Key={key},Values={value}" for key, value in account.tags]
    command = ["aws", "resourcegroupstaggingapi", "get-resources", *region, "--tag-filters", *filters]
    if account.owner is not None:
        who = str(_json(["aws", "sts", "get-caller-identity", *region], command).get("Account"))
        if who != account.owner:
            raise _CannotAskError(
                f"whether AWS account {account.owner} ({account.place}) still has something was not asked: the "
                f"credentials here are of account {who}; by hand: {' '.join(command)}"
            )
    listed = cast("list[dict[str, Any]]", _json(command, command).get("ResourceTagMappingList") or [])
    names = [str(entry["ResourceARN"]) for entry in listed]
    return [name for name in names if not _is_going(name, region)]


def _is_going(arn: str, region: Sequence[str]) -> bool:
    """Whether AWS still shows something that is removed already."""
    _, _, service, _, _, rest = arn.split(":", 5)
    kind, _, name = rest.partition("/")
    questions = {
        ("kms", "key"): ("kms", "describe-key", "--key-id", arn, "[KeyMetadata.KeyState]"),
        ("ec2", "instance"): (
            "ec2",
            "describe-instances",
            "--instance-ids",
            name,
            "Reservations[].Instances[].State.Name",
        ),
        ("ec2", "natgateway"): ("ec2", "describe-nat-gateways", "--nat-gateway-ids", name, "NatGateways[].State"),
        ("ec2", "vpc-endpoint"): ("ec2", "describe-vpc-endpoints", "--vpc-endpoint-ids", name, "VpcEndpoints[].State"),
    }
    question = questions.get((service, kind))
    if question is None:
        return False
    *asked, query = question
    try:
        states = cast("list[str]", _json(["aws", *asked, *region, "--query", query], []))
    except _CannotAskError:
        # It may well be gone for good by now; the next look will not find it.
        return False
    return bool(states) and set(states) <= _GONE_STATES


def _google(account: _Account) -> list[str]:
    query = " AND ".join(f"labels.{key}={value}" for key, value in account.tags)
    scope = f"--scope=projects/{account.place}"
    command = ["gcloud", "asset", "search-all-resources", scope, f"--query={query}"]
    listed = cast("list[dict[str, Any]]", _json([*command, "--quiet"], command))
    return [str(entry["name"]) for entry in listed if not str(entry.get("assetType", "")).startswith(_GOOGLE_STAYS)]


def _json(command: Sequence[str], by_hand: Sequence[str]) -> Any:
    """What a cloud's command line answers; raises _CannotAskError without it or its credentials, or where it fails."""
    name = command[0]
    hint = f"; by hand: {' '.join(by_hand)}" if by_hand else ""
    what = f"whether something is left in the cloud was not asked ({' '.join(command[1:4])})"
    if shutil.which(name) is None:
        raise _CannotAskError(f"{what}: there is no `{name}` on PATH{hint}")
    form = ["--output", "json"] if name == "aws" else ["--format=json"]
    try:
        done = subprocess.run(
            [*command, *form], capture_output=True, text=True, timeout=_TIMEOUT_S, stdin=subprocess.DEVNULL, check=False
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        raise _CannotAskError(f"{what}: {name} gave no answer ({type(error).__name__}){hint}") from None
    if done.returncode != 0:
        lines = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["no message"]
        said = next((line for line in lines if "error" in line.lower()), lines[-1])
        raise _CannotAskError(f"{what}: {name} says: {said}{hint}")
    return json.loads(done.stdout or "{}")
