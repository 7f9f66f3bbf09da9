"""The look for what a cloud still has: through stand-ins of the clouds' own command lines."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from ops.pulumi import leftovers
from ops.pulumi.protection import in_plan
from tests.support.programs import FakeProgram
from tests.support.thing import thing

if TYPE_CHECKING:
    from pathlib import Path

    from ops.stack import Stack

KEY = "arn:aws:kms:ap-northeast-1:123456789012:key/1234"
BUCKET = "arn:aws:s3:::state.example.com"
INSTANCE = "arn:aws:ec2:ap-northeast-1:123456789012:instance/i-1"
TAGS = {"project": "slipway", "stack": "prod", "owner": "platform"}


def provider(cloud: str, **inputs: str) -> dict[str, Any]:
    return {"type": f"pulumi:providers:{cloud}", "name": cloud, "inputs": inputs, "protect": False, "custom": True}


def stack(*resources: dict[str, Any]) -> Stack:
    return cast("Stack", SimpleNamespace(name="prod", rendered=SimpleNamespace(plan={"resources": list(resources)})))


AWS_TAGS = json.dumps({"tags": TAGS})
AWS = provider("aws", region="ap-northeast-1", allowedAccountIds='["123456789012"]', defaultTags=AWS_TAGS)
GOOGLE = provider("gcp", project="example-project", region="asia-east1", defaultLabels=json.dumps(TAGS))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(leftovers, "_PATIENCE_S", 0.0)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    program = FakeProgram(tmp_path, "aws")
    monkeypatch.setenv("PATH", str(program.path.parent))
    program.on("sts get-caller-identity", json.dumps({"Account": "123456789012"}))
    program.on("get-resources", json.dumps({"ResourceTagMappingList": []}))
    return program


@pytest.fixture
def gcloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeProgram:
    program = FakeProgram(tmp_path, "gcloud")
    monkeypatch.setenv("PATH", str(program.path.parent))
    return program


def listed(*names: str) -> str:
    return json.dumps({"ResourceTagMappingList": [{"ResourceARN": name} for name in names]})


def test_a_stack_without_clouds_asks_nobody() -> None:
    assert leftovers.search(stack(provider("kubernetes")), []) == leftovers.Leftovers()


def test_aws_is_asked_by_tags_in_the_region_and_where_the_global_things_are(aws: FakeProgram) -> None:
    assert leftovers.search(stack(AWS), []) == leftovers.Leftovers()
    asked = [call.line for call in aws.calls if "get-resources" in call.line]
    tags = "--tag-filters Key=project,Values=slipway Key=stack,Values=prod --output json"
    assert asked == [
        f"resourcegroupstaggingapi get-resources --region {region} {tags}" for region in ("ap-northeast-1", "us-east-1")
    ]


def test_what_is_there_is_named_and_what_was_kept_is_not(aws: FakeProgram) -> None:
    aws.on("get-resources --region ap-northeast-1", listed(BUCKET, INSTANCE))
    aws.on("describe-instances", json.dumps(["running"]))
    assert leftovers.search(stack(AWS), ["state.example.com"]).found == [INSTANCE]
    assert leftovers.search(stack(AWS), []).found == [INSTANCE, BUCKET]


def test_what_aws_only_still_shows_is_gone(aws: FakeProgram) -> None:
    aws.on("get-resources --region ap-northeast-1", listed(KEY, INSTANCE))
    aws.on("describe-instances --instance-ids i-1", json.dumps(["terminated"]))
    aws.on(f"describe-key --key-id {KEY}", json.dumps(["PendingDeletion"]))
    assert leftovers.search(stack(AWS), []) == leftovers.Leftovers()


def test_another_account_is_not_asked(aws: FakeProgram) -> None:
    aws.on("sts get-caller-identity", json.dumps({"Account": "999999999999"}))
    found = leftovers.search(stack(AWS), [])
    assert found.found == []
    assert "the credentials here are of account 999999999999" in found.unasked[0]
    assert "by hand: aws resourcegroupstaggingapi get-resources --region ap-northeast-1" in found.unasked[0]


def test_without_the_program_or_credentials_it_says_so(aws: FakeProgram) -> None:
    aws.on("sts", err="\nUnable to locate credentials. You can configure credentials by running ...\n", code=253)
    assert "aws says: Unable to locate credentials" in leftovers.search(stack(AWS), []).unasked[0]
    assert "there is no `gcloud` on PATH; by hand: gcloud asset" in leftovers.search(stack(GOOGLE), []).unasked[0]


def test_google_is_asked_by_labels_and_keys_stay(gcloud: FakeProgram) -> None:
    disk = "//compute.googleapis.com/projects/example-project/zones/asia-east1-a/disks/data"
    ring = "//cloudkms.googleapis.com/projects/example-project/locations/asia-east1/keyRings/r/cryptoKeys/k"
    types = {disk: "compute.googleapis.com/Disk", ring: "cloudkms.googleapis.com/CryptoKey"}
    found = [{"name": name, "assetType": token} for name, token in types.items()]
    gcloud.on("asset search-all-resources", json.dumps(found))
    assert leftovers.search(stack(GOOGLE), []).found == [disk]
    (call,) = gcloud.calls
    assert "--scope=projects/example-project --query=labels.project=slipway AND labels.stack=prod" in call.line


def test_what_the_plan_protects_is_named_as_people_know_it() -> None:
    claim = thing("PersistentVolumeClaim", "db/data")
    resources: list[dict[str, Any]] = [
        {"type": "kubernetes:core/v1:PersistentVolumeClaim", "name": "db", "inputs": claim, "protect": True},
        {"type": "aws:rds/instance:Instance", "name": "cotoami", "inputs": {}, "protect": True},
        {"type": "aws:ec2/vpc:Vpc", "name": "vpc", "inputs": {}, "protect": False},
    ]
    assert in_plan(stack(*({**r, "custom": True} for r in resources))) == [
        "PersistentVolumeClaim db/data: protected by the program",
        "aws:rds/instance:Instance cotoami: protected by the program",
    ]
