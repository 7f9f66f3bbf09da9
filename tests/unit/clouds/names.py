"""Names in plans, held against the table of limits; and a stack file in which every option gives names of its own."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ops.render.program import PROJECT_DIR
from stacks.settings import SettingsError, parse
from stacks.settings.limits import KUBERNETES_LABEL, LABEL_VALUE, LIMITS, TAG_VALUE, as_made
from stacks.stack_file import read_stack_config
from tests.support.cases import changed
from tests.unit.clouds.test_cloud_settings import BASE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.stack_file import StackConfig

Plan = dict[str, Any]
Tree = dict[str, Any]


def base_tree() -> Tree:
    """The right stack file of the settings' tests, without apps."""
    return {key: value for key, value in copy.deepcopy(BASE).items() if key != "apps"}


def clouds_of(plan: Plan) -> list[dict[str, Any]]:
    return [e for e in plan["resources"] if e["custom"] and e["type"].startswith(("aws:", "gcp:"))]


def names_in(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Logical name, `type.input` and the text that the program gives, of every limited input of a plan."""
    for entry in clouds_of(plan):
        for key, limit in LIMITS.get(entry["type"], {}).items():
            given_text = entry["inputs"].get(key)
            if given_text is None and limit.suffixed:
                given_text = entry["name"]
            # A record that proves a domain is named by who asks for it.
            if given_text is not None and not str(given_text).startswith(("${staging-", "${other-", "${proof-")):
                text = str(given_text).rpartition("/subject/")[2] if key == "member" else str(given_text)
                # What the program draws is six digits.
                text = text.replace("${asia-github-pool-suffix.output}", "0123ab")
                yield (
                    entry["name"],
                    f"{entry['type']}.{key}",
                    text.replace("${asia-find-cluster-suffix.output}", "0123ab"),
                )


def misfits(plan: Plan) -> list[str]:
    """Names, tags and labels of a plan that a cloud or Kubernetes would refuse."""
    found: list[str] = []
    for logical, where, text in names_in(plan):
        kind, _, key = where.rpartition(".")
        limit = LIMITS[kind][key]
        named = next(e for e in clouds_of(plan) if e["name"] == logical and e["type"] == kind)["inputs"].get(key)
        made = as_made(limit, text) if limit.suffixed and named is None else text
        if not limit.fits(made):
            found.append(f"{logical}: {where} = {made}")
    for entry in plan["resources"]:
        inputs = entry["inputs"]
        texts = [(TAG_VALUE, inputs.get("tags"))]
        texts += [(LABEL_VALUE, inputs.get(key)) for key in ("labels", "resourceLabels")]
        if isinstance(metadata := inputs.get("metadata"), dict):
            texts.append((KUBERNETES_LABEL, cast("Tree", metadata).get("labels")))
        for limit, values in texts:
            for key, value in cast("Tree", values or {}).items():
                if entry["custom"] and not limit.fits(str(value)):
                    found.append(f"{entry['name']}: {key} = {value}")
    return found


def config_of(tree: Tree, stack: str) -> StackConfig:
    config = replace(read_stack_config(PROJECT_DIR, "prod"), stack=stack)
    return changed(replace(config, values={}), **tree)


def problems_of(tree: Tree, stack: str) -> dict[str, str]:
    """Key path to remedy of what is wrong; empty where nothing is."""
    config = config_of(tree, stack)
    try:
        parse(config.values, project="slipway", source="test", stack=stack)
    except SettingsError as error:
        return {problem.path.removeprefix("slipway:"): problem.remedy for problem in error.problems}
    return {}


def with_everything() -> Tree:
    """The base with every option that gives a name of its own."""
    tree = base_tree()
    tree["clusters"]["staging"] |= {
        "ssh": {"publicKey": "ssh-ed25519 " + "A" * 68, "sources": ["10.0.0.0/8"]},
        "network": {"flowLogs": True},
        "admins": ["arn:aws:iam::123456789012:role/admin"],
        "nodes": {"minCount": 1, "maxCount": 5},
    }
    second = {**BASE["clusters"]["staging"], "network": {"cidr": "10.60.0.0/16"}}
    tree["clusters"]["other"] = second
    tree["deployers"]["user"] = {
        "cluster": "other",
        "github": "owner/other",
        "iamUser": {"reason": "the pipeline has no OpenID Connect"},
    }
    tree["deployers"]["asia"]["github"] = "owner@1/third@2"
    tree["zones"]["k8s"]["mainZone"]["make"] = True
    tree["clusters"]["nginx-asia"]["ingress"] = {"https": {}}
    tree["clusters"]["staging"]["ingress"] = {"https": {}}
    tree["apps"] = {
        "nginx": {"cluster": "nginx-asia", "host": "www.k8s.example.com"},
        "http-debug-server": {"cluster": "staging", "host": "debug.k8s.example.com"},
    }
    return tree
