"""Rotation without a cluster: what is found in a stack, what databases are told, what becomes of Pulumi's state."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any

import pytest

from local.progress import SilentProgress
from ops.errors import EngineError, RefusedError
from ops.project import project_dir
from ops.rotation.passwords import native, scram
from ops.rotation.plan import Credential, chosen, credentials
from ops.rotation.store import with_values, write
from ops.stack import Stack
from tests.support import cases
from tests.support.fake_pulumi import PREFIX, resource

if TYPE_CHECKING:
    from tests.support.fake_pulumi import FakePulumi


def stack() -> Stack:
    return Stack("dev", project_dir(), cases.rendered("dev"), SilentProgress())


@pytest.fixture(scope="module")
def dev() -> list[Credential]:
    return credentials(stack())


def test_every_generated_value_of_dev_has_somebody_who_reads_it(dev: list[Credential]) -> None:
    secrets = cases.rendered("dev").secrets["local"]
    # A certificate is issued, and not drawn like a password: it is no business of a rotation.
    wanted = {name for s in secrets if s.manifest["type"] != "kubernetes.io/tls" for name in s.stashes}
    assert "local-certificate" in {name for secret in secrets for name in secret.stashes} - wanted
    assert {credential.name for credential in dev} == wanted
    # MariaDB's administrator has no app.
    assert {c.key for c in dev if not c.clients} == {"root-password"}
    assert all(c.apps for c in dev)


def test_databases_are_known_by_what_the_official_images_call_their_passwords(dev: list[Credential]) -> None:
    found = {(c.secret.name, c.key): {(s.kind, s.user, s.workload.name) for s in c.servers} for c in dev}
    assert found["postgres-credential", "password"] == {("postgres", "cotoami", "postgres")}
    assert found["mariadb-credential", "password"] == {("mariadb", "test_user", "mariadb")}
    assert found["mariadb-credential", "root-password"] == {("mariadb", "root", "mariadb")}
    assert found["cotoami-keys", "secret-key-base"] == set()
    # The database itself is not restarted: it reads its variables once, when it is made.
    assert all(server.workload not in c.clients for c in dev for server in c.servers)


def test_people_are_told_what_ends(dev: list[Credential]) -> None:
    told = {c.key: c.consequence for c in dev}
    assert "sign in again" in told["secret-key-base"]
    assert "tokens" in told["key"]
    assert told["root-password"] == ""


def test_what_to_rotate_is_named_in_several_ways(dev: list[Credential]) -> None:
    assert chosen(dev, []) == dev
    assert {c.secret.name for c in chosen(dev, ["cotoami"])} == {"postgres-credential", "cotoami-keys"}
    assert {c.key for c in chosen(dev, ["mariadb-credential"])} == {"password", "root-password"}
    assert [c.name for c in chosen(dev, ["cotoami-keys-secret-key-base", "cotoami-keys"])] == [
        "cotoami-keys-secret-key-base"
    ]
    with pytest.raises(RefusedError, match="'nginx' is no generated credential"):
        chosen(dev, ["nginx"])


def test_scram_as_a_server_checks_it() -> None:
    """RFC 5802: the server takes the client's key out of the proof and compares its hash with the stored one."""
    verifier = scram("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    head, keys = verifier.split("$", 1)[0], verifier.split("$")[2]
    stored, server = (base64.b64decode(part) for part in keys.split(":"))
    assert head == "SCRAM-SHA-256"
    # The example of RFC 7677: its proof and its server signature follow from these keys.
    message = (
        b"n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
        b"s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    )
    proof = base64.b64decode("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=")
    signature = hmac.digest(stored, message, "sha256")
    client = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
    assert hashlib.sha256(client).digest() == stored
    assert base64.b64encode(hmac.digest(server, message, "sha256")) == b"6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert scram("pencil") != scram("pencil")


def test_native_is_what_the_server_keeps() -> None:
    """`SELECT PASSWORD("password")` of a server."""
    assert native("password") == "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"


SIGN = "4dabf18193072939515e22adb298388d"
SECRET = {SIGN: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
STATE: dict[str, Any] = {
    "resources": [
        {
            "urn": "urn:pulumi:dev::slipway::slipway:workloads:Credential$pulumi:index:Stash::a-password",
            "type": "pulumi:index:Stash",
            "inputs": {"input": SECRET},
            "outputs": {"input": SECRET, "output": SECRET},
        },
        {
            "urn": "urn:pulumi:dev::slipway::pulumi:index:Stash::b",
            "type": "pulumi:index:Stash",
            "inputs": {"input": SECRET},
        },
    ]
}


def test_the_state_gets_the_new_value_as_a_secret() -> None:
    before = copy.deepcopy(STATE)
    changed = with_values(STATE, {"a-password": "new"})
    assert before == STATE
    wanted = {SIGN: SECRET[SIGN], "plaintext": json.dumps("new")}
    assert changed["resources"][0]["inputs"] == {"input": wanted}
    assert changed["resources"][0]["outputs"] == {"input": wanted, "output": wanted}
    assert changed["resources"][1] == STATE["resources"][1]


def test_a_value_that_is_not_there_or_not_secret_is_refused() -> None:
    with pytest.raises(EngineError, match="c is not in the state"):
        with_values(STATE, {"c": "new"})
    clear = copy.deepcopy(STATE)
    clear["resources"][0]["inputs"]["input"] = {"plain": "x"}
    with pytest.raises(EngineError, match="not kept as a secret"):
        with_values(clear, {"a-password": "new"})


def test_the_new_values_go_into_the_state_and_from_there_into_the_secrets_alone(pulumi: FakePulumi) -> None:
    token = "kubernetes:core/v1:Secret"  # noqa: S105 - a type
    ours, theirs = (
        resource(f"{PREFIX}{token}::{name}", {"kind": "Secret", "metadata": {"name": name, "namespace": "cotoami"}})
        for name in ("postgres-credential", "another")
    )
    pulumi.state = {"resources": [*STATE["resources"], ours, theirs]}
    pulumi.on("^up")
    write(pulumi.cli, stack(), "local", {"a-password": "new"})
    assert pulumi.state is not None
    assert pulumi.state["resources"][0]["inputs"]["input"] == {SIGN: SECRET[SIGN], "plaintext": json.dumps("new")}
    (run,) = [call.arguments for call in pulumi.calls if call.arguments[0] == "up"]
    assert [run[place + 1] for place, word in enumerate(run) if word == "--target"] == [ours["urn"]]
    assert not [call for call in pulumi.calls if "new" in call.arguments]
    pulumi.on("^up", error="error: no such cluster")
    with pytest.raises(EngineError, match="the Secrets of stack dev cannot be written: no such cluster"):
        write(pulumi.cli, stack(), "local", {"a-password": "new"})
