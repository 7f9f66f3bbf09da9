"""The manifests under the field's own checkers: kubeconform (the API's schemas) and kube-score (good practice), both
built from their Go modules; where that is impossible the tests are skipped and say why."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local import toolchain
from local.errors import LocalError
from ops.render.files import to_yaml, write
from tests.manifests import schemas
from tests.support import cases
from tests.support.data import items

if TYPE_CHECKING:
    from collections.abc import Iterator

CRITICAL = 1
"""kube-score's grade of a critical finding; a warning is 5, fine is 10."""
IGNORED: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "kube-score-ignored.yaml").read_text())


@pytest.fixture(scope="module", autouse=True)
def _plain_environment() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KUBE_CONTEXT", raising=False)
        yield


def built(name: str) -> Path:
    try:
        return toolchain.tool(name)
    except LocalError as error:
        pytest.skip(f"{name} cannot be built: {error}")


def kubernetes_version() -> str:
    return ".".join(toolchain.version("kube-apiserver").split(".")[:2])


def conform(*files: Path) -> list[dict[str, str]]:
    """kubeconform's verdict on each object that is not valid."""
    program = built("kubeconform")
    try:
        directory = schemas.ensure()
    except LocalError as error:
        pytest.skip(str(error))
    location = f"{directory}/{{{{ .ResourceKind }}}}{{{{ .KindSuffix }}}}.json"
    done = subprocess.run(
        [str(program), "-strict", "-output", "json", "-summary", "-schema-location", location, *map(str, files)],
        capture_output=True,
        text=True,
        check=False,
    )
    result = json.loads(done.stdout)
    bad: list[dict[str, str]] = result.get("resources") or []
    summary = result["summary"]
    assert summary["skipped"] == 0
    assert summary["valid"] + summary["invalid"] + summary["errors"] > 0
    return [entry for entry in bad if entry["status"] != "statusValid"]


@pytest.mark.parametrize("case", cases.case_names())
def test_every_object_is_what_the_api_takes(case: str, tmp_path: Path) -> None:
    made = cases.rendered(case)
    write(made, tmp_path)
    for cluster, generated in made.secrets.items():
        (tmp_path / "manifests" / cluster / "~secrets.yaml").write_text(
            to_yaml([secret.manifest for secret in generated])
        )
    files = sorted((tmp_path / "manifests").glob("*/*.yaml"))
    assert files
    assert conform(*files) == []


CONFIG_MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "labels": {"a": "b"}},
    "data": {"key": "text"},
}
WRONG: dict[str, dict[str, Any]] = {
    "a misspelt field": {**CONFIG_MAP, "dta": {}},
    "a misspelt field further down": {**CONFIG_MAP, "metadata": {"name": "a", "lables": {}}},
    "a number in place of text": {**CONFIG_MAP, "data": {"key": 1}},
    "no metadata": {"apiVersion": "v1", "kind": "ConfigMap"},
    "an unknown kind": {**CONFIG_MAP, "kind": "ConfigMpa"},
    "a retired version": {"apiVersion": "extensions/v1beta1", "kind": "Ingress", "metadata": {"name": "a"}},
    "a missing field": {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": {}},
    "a kind of another group": {"apiVersion": "policy/v1", "kind": "ResourceQuota", "metadata": {"name": "a"}},
    "a float": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "a"},
        "spec": {"ports": [{"port": 80.5}]},
    },
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_objects_are_found(name: str, tmp_path: Path) -> None:
    """Guards the test above: the schemas made here are as strict as they should be."""
    (tmp_path / "right.yaml").write_text(yaml.safe_dump(CONFIG_MAP))
    (tmp_path / "wrong.yaml").write_text(yaml.safe_dump(WRONG[name]))
    assert conform(tmp_path / "right.yaml") == []
    assert len(conform(tmp_path / "wrong.yaml")) == 1


def critical(directory: Path) -> set[tuple[str, str]]:
    """kube-score's critical findings: check and object (kind/namespace/name)."""
    program = built("kube-score")
    files = sorted(directory.glob("manifests/*/*.yaml"))
    version = ["--kubernetes-version", kubernetes_version()]
    done = subprocess.run(
        [str(program), "score", *version, "-o", "json", *map(str, files)], capture_output=True, text=True, check=False
    )
    found: set[tuple[str, str]] = set()
    for scored in json.loads(done.stdout):
        meta = scored["object_meta"]
        name = "/".join((scored["type_meta"]["kind"], meta.get("namespace", "-"), meta["name"]))
        found |= {
            (check["check"]["id"], name)
            for check in items(scored, "checks")
            if not check["skipped"] and check["grade"] == CRITICAL
        }
    return found


def covers(entry: dict[str, Any], check: str, name: str) -> bool:
    """Whether an entry of the file of ignored checks is about a finding."""
    return entry["check"] == check and name in entry.get("objects", [name])


def excused(check: str, name: str) -> bool:
    return any(covers(entry, check, name) for entry in IGNORED)


def test_kube_score_finds_nothing_critical(tmp_path: Path) -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    for stack in cases.stack_names():
        write(cases.rendered(stack), tmp_path / stack)
        found[stack] = critical(tmp_path / stack)
    left = {stack: sorted(f for f in findings if not excused(*f)) for stack, findings in found.items()}
    assert {stack: findings for stack, findings in left.items() if findings} == {}
    everything = set[tuple[str, str]]().union(*found.values())
    unused = [entry["check"] for entry in IGNORED if not any(covers(entry, *finding) for finding in everything)]
    assert unused == []


def test_kube_score_is_listened_to(tmp_path: Path) -> None:
    """Guards the test above: a workload that is wrong is found."""
    directory = tmp_path / "manifests" / "c"
    directory.mkdir(parents=True)
    container = {"name": "a", "image": "nginx:latest"}
    pod = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": pod}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    (directory / "a.yaml").write_text(yaml.safe_dump(deployment))
    assert {"container-image-tag", "pod-networkpolicy"} <= {check for check, _ in critical(tmp_path)}


def test_ignored_checks_have_a_reason() -> None:
    assert all(len(entry["reason"].split()) >= 10 for entry in IGNORED)
    assert all(set(entry) <= {"check", "objects", "reason"} for entry in IGNORED)
    ids = [entry["check"] for entry in IGNORED]
    assert len(set(ids)) == len(ids)
