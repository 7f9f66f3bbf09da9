"""Pulumi's state in S3 with secrets under KMS, both played by moto: lock, recovery and encryption with the real CLI."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import urllib.request
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from pulumi import automation

from ops.errors import BusyError
from ops.pulumi.results import Recovery
from ops.pulumi.session import open_stack
from tests.support import live, sidecar
from tests.support.web import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ops.pulumi.cli import Cli
    from ops.stack import Stack

pytestmark = pytest.mark.engine

BUCKET, ALIAS, REGION = "slipway-tests-state", "alias/slipway-tests", "us-east-1"
SECRET = "hush-hush-hush"  # noqa: S105 - a value of the test


@pytest.fixture(scope="module")
def cloud() -> Iterator[str]:
    """Address of an S3 and KMS on loopback."""
    program = str(sidecar.environment("moto") / "moto_server")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        try:
            live.wait_for(lambda: answers(url), 60, "moto_server")
            yield url
        finally:
            process.terminate()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/moto-api/", timeout=2) as response:
            return response.status == 200
    except OSError:
        return False


def call(url: str, service: str, body: bytes, method: str = "POST", action: str = "") -> bytes:
    """A call of an AWS service, signed with nothing real."""
    scope = f"testing/20260101/{REGION}/{service}/aws4_request"
    headers = {
        "X-Amz-Target": action,
        "Content-Type": "application/x-amz-json-1.1" if action else "application/octet-stream",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
    }
    request = urllib.request.Request(url, body, headers, method=method)
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read()


def kms(url: str, action: str, **parameters: str) -> dict[str, Any]:
    return json.loads(call(url, "kms", json.dumps(parameters).encode(), action=f"TrentService.{action}") or b"{}")


def put(url: str, path: str, body: bytes = b"") -> None:
    call(f"{url}/{path}", "s3", body, "PUT")


@pytest.fixture
def shared(cloud: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """A stack whose file names a KMS key, with the state in the bucket."""
    put(cloud, BUCKET)
    key = kms(cloud, "CreateKey")["KeyMetadata"]["KeyId"]
    name = f"{ALIAS}-{tmp_path.name}"
    kms(cloud, "CreateAlias", AliasName=name, TargetKeyId=key)
    for variable, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": REGION,
        "AWS_ENDPOINT_URL": cloud,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PULUMI_BACKEND_URL": f"s3://{BUCKET}?region={REGION}&endpoint={cloud}&s3ForcePathStyle=true",
    }.items():
        monkeypatch.setenv(variable, value)
    for variable in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "Pulumi.yaml").write_text("name: slipway\nruntime: python\n", encoding="utf-8")
    provider = f"awskms://{name}?region={REGION}&awssdk=v2"
    file = tmp_path / "Pulumi.shared.yaml"
    file.write_text(f"secretsprovider: {provider}\nconfig:\n  slipway:lifecycle: ephemeral\n", encoding="utf-8")
    rendered = SimpleNamespace(clusters={}, project="slipway")
    return cast("Stack", SimpleNamespace(name="shared", directory=tmp_path, rendered=rendered, is_environment=False))


def lock(cloud: str, stack: Stack, host: str, pid: int) -> None:
    """A lock as Pulumi's bucket backend writes it."""
    holder = {"pid": pid, "username": "ann", "hostname": host, "timestamp": "2026-11-21T06:00:00Z"}
    put(cloud, f"{BUCKET}/.pulumi/locks/organization/slipway/{stack.name}/x.json", json.dumps(holder).encode())


def test_secrets_are_under_the_key_of_the_stack_file(cli: Cli, shared: Stack) -> None:
    with open_stack(cli, shared) as session:
        session.stack.set_config("slipway:password", automation.ConfigValue(SECRET, secret=True))
        assert session.stack.get_config("slipway:password").value == SECRET
    text = (shared.directory / "Pulumi.shared.yaml").read_text(encoding="utf-8")
    assert "encryptedkey:" in text
    assert "encryptionsalt" not in text
    assert SECRET not in text


def test_locks_in_the_bucket_are_respected_and_recovered(cli: Cli, cloud: str, shared: Stack) -> None:
    def recover(*, force: bool = False) -> list[str]:
        found = Recovery()
        with open_stack(cli, shared) as session:
            session.recover(found, force=force)
        return found.done

    assert recover() == []
    lock(cloud, shared, "elsewhere", 77)
    with (
        pytest.raises(BusyError, match=r"locked in Pulumi's backend by ann@elsewhere, process 77"),
        open_stack(cli, shared) as session,
    ):
        session.stack.refresh()
    with pytest.raises(BusyError, match=r"worked on by ann@elsewhere, process 77.*recover --stack shared --force"):
        recover()
    assert recover(force=True) == ["freed the lock of ann@elsewhere, process 77, since 2026-11-21T06:00:00Z"]
    # A process of this machine that is not there any more is known to be dead.
    lock(cloud, shared, socket.gethostname(), 2**22 + 1)
    (done,) = recover()
    assert done.startswith(f"freed the lock of ann@{socket.gethostname()}")
    assert recover() == []
    assert os.environ["PULUMI_BACKEND_URL"].startswith("s3://")
