"""Generated names: whatever the settings let through gives names that every cloud takes. SLIPWAY_EXAMPLES sets the
number of examples (8 by default; each renders a whole stack)."""

from __future__ import annotations

import copy
import json
import os
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ops.render.program import render_config
from tests.support.settings import problems
from tests.unit.clouds.names import config_of, misfits, with_everything

if TYPE_CHECKING:
    from collections.abc import Mapping

Tree = dict[str, Any]
EXAMPLES = int(os.environ.get("SLIPWAY_EXAMPLES", "8"))


def repository(owner: str, name: str, number: int | None) -> str:
    return f"{owner}@{number}/{name}@{number}" if number else f"{owner}/{name}"


labels = st.from_regex(r"[a-z0-9](-?[a-z0-9]){0,19}(-{0,2}[a-z0-9]){0,20}", fullmatch=True).filter(
    lambda t: len(t) <= 40
)
letters = st.from_regex(r"[a-z](-?[a-z0-9]){3,21}", fullmatch=True).filter(lambda t: len(t) <= 22)
names = st.one_of(labels, letters, letters)
stacks = st.one_of(st.sampled_from(["prod", "p" * 63, "a.b", "a_b"]), letters)
hosts = st.lists(letters, min_size=2, max_size=6).map(".".join).filter(lambda t: len(t) <= 200)
repositories = st.builds(
    repository,
    letters,
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", fullmatch=True),
    st.one_of(st.none(), st.integers(1, 10**12)),
)


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """Right stack files but for their names, which are of any length that a name of the settings may have."""
    tree = with_everything()
    for part in ("clusters", "databases", "deployers", "zones"):
        drawn = draw(st.lists(names, min_size=len(tree[part]), max_size=len(tree[part]), unique=True))
        new = dict(zip(tree[part], drawn, strict=True))
        tree[part] = {new[name]: entry for name, entry in tree[part].items()}
        if part == "clusters":
            for users in ("databases", "deployers"):
                for entry in tree[users].values():
                    entry["cluster"] = new[entry["cluster"]]
    tree["lifecycle"] = draw(st.sampled_from(["durable", "ephemeral"]))
    tree["owner"] = draw(labels)
    for deployer in tree["deployers"].values():
        deployer["github"] = draw(repositories)
    tree["registries"]["asia"]["repository"] = draw(names)
    tree["registries"]["tokyo"] |= {
        "prefix": draw(names),
        "images": draw(st.lists(names, min_size=1, max_size=2, unique=True)),
    }
    main = draw(hosts)
    for zone in tree["zones"].values():
        zone |= {"mainZone": {"name": main, "make": True}, "subZone": f"{draw(letters)}.{main}"}
    return tree


@hypothesis_settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much]
)
@given(trees(), stacks)
def test_settings_that_pass_give_names_that_fit(tree: Tree, stack: str) -> None:
    told = problems(tree, stack)
    if told:
        assert all(remedy and "Traceback" not in remedy for remedy in told.values())
        tree, stack = mended(tree, told), "prod"
    if not problems(tree, stack):
        plan = render_config(config_of(tree, stack)).plan
        assert misfits(plan) == [], json.dumps(tree)


def mended(tree: Tree, told: Mapping[str, str]) -> Tree:
    """The same with short names in the place of those that were refused."""
    result = copy.deepcopy(tree)
    for i, path in enumerate(told):
        part, _, rest = path.partition(".")
        if part in ("clusters", "databases", "deployers") and "." not in rest:
            result[part] = {f"n{i}" if name == rest else name: entry for name, entry in result[part].items()}
            for users in ("databases", "deployers"):
                for entry in result[users].values():
                    if part == "clusters" and entry["cluster"] == rest:
                        entry["cluster"] = f"n{i}"
        elif path.endswith(".github"):
            result["deployers"][rest.partition(".")[0]]["github"] = "o/r"
        elif part == "registries":
            result["registries"]["asia"]["repository"] = "slipway"
            result["registries"]["tokyo"] |= {"prefix": "slipway", "images": ["h2o"]}
    return result
