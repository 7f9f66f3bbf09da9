"""Writes plan.json and the manifests, for reviews and for tools that apply files (GitOps)."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from ops.render.result import Manifest, Rendered

MANIFESTS = "manifests"
"""Directory below the output: one directory a cluster, one file a namespace."""
# What some parser of YAML 1.1 or 1.2 (kubectl's takes `y` for true) may read as something else than text, beyond what
# the dumper knows.
_NO_PLAIN_TEXT = re.compile(r"[-+]?\.?[0-9][0-9a-fxo_.:+-]*|[-+]?\.?(?:inf|nan)|[yn]", re.IGNORECASE)

# libyaml's, where PyYAML was built with it, writes the same bytes in a fifth of the time.
_SafeDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class Dumper(_SafeDumper):
    """Block style without aliases; text of several lines as a block, text that looks like a number in quotes."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - overrides the library's
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else "'" if _NO_PLAIN_TEXT.fullmatch(value) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)  # pyright: ignore[reportUnknownMemberType] - untyped library


Dumper.add_representer(str, _text)


def to_yaml(manifests: list[Manifest]) -> str:
    return "".join(
        "---\n" + yaml.dump(manifest, Dumper=Dumper, sort_keys=True, width=120, allow_unicode=True)
        for manifest in manifests
    )


def plan_text(rendered: Rendered) -> str:
    """plan.json as text: JSON with sorted keys, the same bytes for the same plan."""
    return json.dumps(rendered.plan, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(rendered: Rendered, out: Path) -> None:
    """Write plan.json and `manifests/<cluster>/<namespace>.yaml`; Secrets with generated values are in no file. Nothing
    else in the directory is touched; it is made if missing."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(plan_text(rendered), encoding="utf-8")
    manifests = out / MANIFESTS
    if manifests.exists():
        shutil.rmtree(manifests)
    for cluster, by_namespace in rendered.manifests.items():
        (manifests / cluster).mkdir(parents=True)
        for namespace, items in by_namespace.items():
            (manifests / cluster / f"{namespace}.yaml").write_text(to_yaml(items), encoding="utf-8")
