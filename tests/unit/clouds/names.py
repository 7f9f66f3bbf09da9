"""Names in plans, held against the table of limits; and a stack file in which every option gives names of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ops.render.program import PROJECT_DIR
from stacks.settings.limits import KUBERNETES_LABEL, LABEL_VALUE, LIMITS, TAG_VALUE, as_made
from stacks.stack_file import read_stack_config
from tests.support.cases import changed
from tests.support.settings import ABSENT, CLOUDS, with_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.stack_file import StackConfig

Plan = dict[str, Any]
Tree = dict[str, Any]


def base_tree() -> Tree:
    """The right stack file of the settings' tests, without apps."""
    return with_values({"apps": ABSENT}, CLOUDS)


def clouds_of(plan: Plan) -> list[dict[str, Any]]:
    return [e for e in plan["resources"] if e["custom"] and e["type"].startswith(("aws:", "gcp:"))]


def names_in(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Logical name, `type.input` and the text that the program gives, of every limited input of a plan."""
    for entry in clouds_of(plan):
        for key, limit in LIMITS.get(entry["type"], {}).items():
            given = entry["inputs"].get(key, entry["name"] if limit.suffixed else None)
            # A record that proves a domain is named by who asks for it.
            if given is not None and not str(given).startswith(("${staging-", "${other-", "${proof-")):
                text = str(given).rpartition("/subject/")[2] if key == "member" else str(given)
                # What the program draws is six digits.
                text = re.sub(r"\$\{asia-(github-pool|find-cluster)-suffix\.output\}", "0123ab", text)
                yield entry["name"], f"{entry['type']}.{key}", text


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


def with_everything() -> Tree:
    """The base with every option that gives a name of its own."""
    options = {
        "clusters.staging.ssh": {"publicKey": "ssh-ed25519 " + "A" * 68, "sources": ["10.0.0.0/8"]},
        "clusters.staging.network": {"flowLogs": True},
        "clusters.staging.nodes": {"minCount": 1, "maxCount": 5},
        "clusters.staging.ingress.https": {},
        "clusters.other": {**CLOUDS["clusters"]["staging"], "network": {"cidr": "10.60.0.0/16"}},
        "clusters.nginx-asia.ingress.https": {},
        "deployers.user": {
            "cluster": "other",
            "github": "owner/other",
            "iamUser": {"reason": "the pipeline has no OpenID Connect"},
        },
        "deployers.asia.github": "owner@1/third@2",
        "zones.k8s.mainZone.make": True,
        "apps.nginx": {"cluster": "nginx-asia", "host": "www.k8s.example.com"},
        "apps.http-debug-server": {"cluster": "staging", "host": "debug.k8s.example.com"},
    }
    return with_values(options, base_tree())
