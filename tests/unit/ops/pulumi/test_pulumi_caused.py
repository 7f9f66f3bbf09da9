"""What a refresh finds that no input of the program caused is no drift; what differs from an input is."""

from __future__ import annotations

from typing import Any

import pytest

from ops.pulumi.caused import Refreshed, counting

FILLED_IN = {"forceDetach": False, "__defaults": ["forceDetach"]}
ROLE: dict[str, Any] = {"assumeRolePolicy": "{}", "tags": {"owner": "me"}, "maxSessionDuration": 3600, **FILLED_IN}
NO_GROUPS: dict[str, Any] = {"securityGroups": [], "__defaults": ["securityGroups"]}
BLOCK: dict[str, Any] = {"subnetIds": ["a", "b"], "endpointPublicAccess": True, **NO_GROUPS}
CLUSTER = {"vpcConfig": BLOCK}
RULES: list[dict[str, Any]] = [{"fromPort": 22, "toPort": 22, "__defaults": ["self"], "self": False}]


def vpc(**more: Any) -> dict[str, Any]:
    return {"vpcConfig": {**BLOCK, **more}}


LONGER = {**ROLE, "maxSessionDuration": 7200}
TAGGED = {**ROLE, "tags": {"owner": "me", "x": "y"}}
HIDDEN = {"password": "[secret]"}
OTHER_RULES: list[dict[str, Any]] = [{**RULES[0], "self": True}]

SAME: dict[str, Refreshed] = {
    "nothing": Refreshed(ROLE, ROLE),
    "another resource's policy": Refreshed(ROLE, {**ROLE, "managedPolicyArns": ["a"]}, named=["managedPolicyArns"]),
    "a route's table": Refreshed({"vpcId": "v"}, {"vpcId": "v", "routes": [{"cidrBlock": "0.0.0.0/0"}]}),
    "a default that the cloud changed": Refreshed(ROLE, {**ROLE, "forceDetach": True}, named=["forceDetach"]),
    "a computed part of a block": Refreshed(CLUSTER, vpc(vpcId="v"), named=["vpcConfig.vpcId"]),
    "a default inside a block": Refreshed(CLUSTER, vpc(securityGroups=["sg"]), named=["vpcConfig.securityGroups"]),
    "a default inside a list": Refreshed({"ingress": RULES}, {"ingress": OTHER_RULES}, named=["ingress[0].self"]),
    "outputs alone": Refreshed(ROLE, ROLE, {"arn": "a"}, {"arn": "b"}, named=["arn"]),
    "what the provider takes for the same": Refreshed({"p": '{"a":1}'}, {"p": '{"a": 1}'}, named=[]),
    "no inputs read, the same output": Refreshed({"n": 1}, {}, {"n": 1, "seen": 1}, {"n": 1, "seen": 2}),
    "a hidden value that nobody names": Refreshed(HIDDEN, HIDDEN),
}
DRIFTED: dict[str, tuple[str, Refreshed]] = {
    "a value": ("maxSessionDuration", Refreshed(ROLE, LONGER, named=["maxSessionDuration"])),
    "a value that nobody names": ("maxSessionDuration", Refreshed(ROLE, LONGER)),
    "a value that is gone": (
        "assumeRolePolicy",
        Refreshed(ROLE, {key: ROLE[key] for key in ("tags", "maxSessionDuration")}),
    ),
    "a tag more": ("tags", Refreshed(ROLE, TAGGED, named=["tags.x"])),
    "a part of a block": ("vpcConfig", Refreshed(CLUSTER, vpc(endpointPublicAccess=False), named=["vpcConfig"])),
    "an entry of a list": ("vpcConfig", Refreshed(CLUSTER, vpc(subnetIds=["a", "c"]))),
    "an entry more": ("ingress", Refreshed({"ingress": []}, {"ingress": RULES}, named=['["ingress"][0]'])),
    "one beside what the cloud did": ("maxSessionDuration", Refreshed(ROLE, {**LONGER, "managedPolicyArns": ["a"]})),
    "no inputs read, another output": ("name", Refreshed({"name": "n"}, {}, {"name": "n"}, {"name": "m"})),
    "a hidden value": ("password", Refreshed(HIDDEN, HIDDEN, named=["password"])),
}


@pytest.mark.parametrize("step", SAME.values(), ids=list(SAME))
def test_what_no_input_caused_is_no_drift(step: Refreshed) -> None:
    assert counting(step) == []


@pytest.mark.parametrize(("name", "step"), DRIFTED.values(), ids=list(DRIFTED))
def test_what_differs_from_an_input_is(name: str, step: Refreshed) -> None:
    assert counting(step) == [name]
