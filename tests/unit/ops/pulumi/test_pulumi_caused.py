"""What a refresh finds that no input of the program caused is no drift; what differs from an input is."""

from __future__ import annotations

from typing import Any

import pytest

from ops.pulumi.caused import Refreshed, counting

ROLE: dict[str, Any] = {
    "assumeRolePolicy": "{}",
    "tags": {"owner": "me"},
    "maxSessionDuration": 3600,
    "forceDetach": False,
    "__defaults": ["forceDetach"],
}
CLUSTER: dict[str, Any] = {
    "vpcConfig": {
        "subnetIds": ["a", "b"],
        "endpointPublicAccess": True,
        "securityGroups": [],
        "__defaults": ["securityGroups"],
    }
}
RULES: list[dict[str, Any]] = [{"fromPort": 22, "toPort": 22, "__defaults": ["self"], "self": False}]


def vpc(**more: Any) -> dict[str, Any]:
    return {"vpcConfig": {**CLUSTER["vpcConfig"], **more}}


SAME: list[tuple[str, Refreshed]] = [
    ("nothing", Refreshed(ROLE, ROLE)),
    ("another resource's policy", Refreshed(ROLE, {**ROLE, "managedPolicyArns": ["arn"]}, named=["managedPolicyArns"])),
    ("a route's table", Refreshed({"vpcId": "v"}, {"vpcId": "v", "routes": [{"cidrBlock": "0.0.0.0/0"}]})),
    ("a default that the cloud changed", Refreshed(ROLE, {**ROLE, "forceDetach": True}, named=["forceDetach"])),
    ("a computed part of a block", Refreshed(CLUSTER, vpc(vpcId="v"), named=["vpcConfig.vpcId"])),
    ("a default inside a block", Refreshed(CLUSTER, vpc(securityGroups=["sg"]), named=["vpcConfig.securityGroups"])),
    (
        "a default inside a list",
        Refreshed({"ingress": RULES}, {"ingress": [{**RULES[0], "self": True}]}, named=["ingress[0].self"]),
    ),
    ("outputs alone", Refreshed(ROLE, ROLE, {"arn": "a"}, {"arn": "b"}, named=["arn"])),
    ("what the provider takes for the same", Refreshed({"p": '{"a":1}'}, {"p": '{"a": 1}'}, named=[])),
    (
        "no inputs read, the same output",
        Refreshed({"name": "n"}, {}, {"name": "n", "seen": 1}, {"name": "n", "seen": 2}),
    ),
    ("a hidden value that nobody names", Refreshed({"password": "[secret]"}, {"password": "[secret]"})),
]
DRIFTED: list[tuple[str, Refreshed, list[str]]] = [
    (
        "a value",
        Refreshed(ROLE, {**ROLE, "maxSessionDuration": 7200}, named=["maxSessionDuration"]),
        ["maxSessionDuration"],
    ),
    ("a value that nobody names", Refreshed(ROLE, {**ROLE, "maxSessionDuration": 7200}), ["maxSessionDuration"]),
    (
        "a value that is gone",
        Refreshed(ROLE, {"tags": {"owner": "me"}, "maxSessionDuration": 3600}),
        ["assumeRolePolicy"],
    ),
    (
        "a tag more",
        Refreshed(ROLE, {**ROLE, "tags": {"owner": "me", "x": "y"}}, named=["tags.x"]),
        ["tags"],
    ),
    ("a part of a block", Refreshed(CLUSTER, vpc(endpointPublicAccess=False), named=["vpcConfig"]), ["vpcConfig"]),
    ("an entry of a list", Refreshed(CLUSTER, vpc(subnetIds=["a", "c"])), ["vpcConfig"]),
    ("an entry more", Refreshed({"ingress": []}, {"ingress": RULES}, named=['["ingress"][0]']), ["ingress"]),
    (
        "one beside what the cloud did",
        Refreshed(ROLE, {**ROLE, "managedPolicyArns": ["arn"], "maxSessionDuration": 1}),
        ["maxSessionDuration"],
    ),
    ("no inputs read, another output", Refreshed({"name": "n"}, {}, {"name": "n"}, {"name": "m"}), ["name"]),
    (
        "a hidden value",
        Refreshed({"password": "[secret]"}, {"password": "[secret]"}, named=["password"]),
        ["password"],
    ),
]


@pytest.mark.parametrize(("what", "step"), SAME, ids=[what for what, _ in SAME])
def test_what_no_input_caused_is_no_drift(what: str, step: Refreshed) -> None:
    assert counting(step) == [], what


@pytest.mark.parametrize(("what", "step", "names"), DRIFTED, ids=[what for what, *_ in DRIFTED])
def test_what_differs_from_an_input_is(what: str, step: Refreshed, names: list[str]) -> None:
    assert counting(step) == names, what
