"""Writes plan.json and one installable Helm chart per cluster."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from pathlib import Path

    from ops.render.result import Manifest, Rendered

# The one template: manifests pass through as they are, so what is reviewed is what is installed.
_TEMPLATE = """\
{{- range $path, $_ := .Files.Glob "manifests/*.yaml" }}
{{ $.Files.Get $path }}
{{- end }}
"""


# libyaml's, where PyYAML was built with it, writes the same bytes in a fifth of the time.
_SafeDumper: type[yaml.SafeDumper] = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class _Dumper(_SafeDumper):
    """Block style without aliases; text of several lines as a block."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - overrides the library's
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)  # pyright: ignore[reportUnknownMemberType] - untyped library


_Dumper.add_representer(str, _text)


def to_yaml(manifests: list[Manifest]) -> str:
    """Manifests as one YAML stream.

    Args:
        manifests: Kubernetes objects.

    Returns:
        The text; the same for the same objects.
    """
    return "".join(
        "---\n" + yaml.dump(manifest, Dumper=_Dumper, sort_keys=True, width=120, allow_unicode=True)
        for manifest in manifests
    )


def plan_text(rendered: Rendered) -> str:
    """plan.json as text.

    Args:
        rendered: The render.

    Returns:
        JSON with sorted keys, the same bytes for the same plan.
    """
    return json.dumps(rendered.plan, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_chart(rendered: Rendered, cluster: str, directory: Path) -> None:
    """Write the chart of one cluster.

    Args:
        rendered: The render.
        cluster: Name of the cluster.
        directory: Where the chart goes; made if missing, replaced if there.
    """
    if directory.exists():
        shutil.rmtree(directory)
    (directory / "templates").mkdir(parents=True)
    (directory / "manifests").mkdir()
    chart = {
        "apiVersion": "v2",
        "name": f"slipway-{cluster}",
        "version": "0.1.0",
        "description": f"Cluster {cluster} of the stack {rendered.stack}, rendered by slipway",
        "type": "application",
    }
    (directory / "Chart.yaml").write_text(yaml.dump(chart, sort_keys=False), encoding="utf-8")
    (directory / "templates" / "manifests.yaml").write_text(_TEMPLATE, encoding="utf-8")
    for namespace, manifests in rendered.manifests[cluster].items():
        (directory / "manifests" / f"{namespace}.yaml").write_text(to_yaml(manifests), encoding="utf-8")


def write(rendered: Rendered, out: Path) -> None:
    """Write plan.json and the charts.

    Args:
        rendered: The render.
        out: Directory; made if missing. Only `plan.json` and `charts/` in it are replaced.
    """
    out.mkdir(parents=True, exist_ok=True)
    (out / "plan.json").write_text(plan_text(rendered), encoding="utf-8")
    charts = out / "charts"
    if charts.exists():
        shutil.rmtree(charts)
    for cluster in rendered.manifests:
        write_chart(rendered, cluster, charts / cluster)
