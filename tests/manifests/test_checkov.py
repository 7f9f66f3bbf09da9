"""checkov over the rendered manifests, the Dockerfiles, the workflows, and every file for secrets in clear. It reads no
Pulumi plan; what the plan makes in the clouds is checked by policies/ and the sweeps of tests/unit/clouds. Installed
into an environment of its own first; where that is impossible the tests are skipped and say why."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from local.errors import LocalError
from ops.project import project_dir
from ops.render.files import to_yaml, write
from tests.support import cases, sidecar

IGNORED: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "checkov-ignored.yaml").read_text())
Found = set[tuple[str, str]]


def checkov(directory: Path, *frameworks: str) -> Found:
    """What checkov finds: check and object (kind.namespace.name, or the file)."""
    try:
        program = sidecar.environment("checkov") / "checkov"
    except LocalError as error:
        pytest.skip(str(error))
    done = subprocess.run(
        [
            *(str(program), "--directory", str(directory), "--framework", *frameworks),
            *("--skip-download", "--compact", "--quiet", "--output", "json", "--enable-secret-scan-all-files"),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=directory,
    )
    assert done.returncode in (0, 1), done.stderr
    answer: Any = json.loads(done.stdout)
    reports = cast("list[dict[str, Any]]", answer if isinstance(answer, list) else [answer])
    assert all(report.get("summary", {}).get("parsing_errors", 0) == 0 for report in reports)
    return {
        (
            finding["check_id"],
            finding["resource"] if report["check_type"] == "kubernetes" else finding["file_path"].lstrip("/"),
        )
        for report in reports
        for finding in report.get("results", {}).get("failed_checks", [])
    }


def covers(entry: dict[str, Any], check: str, name: str) -> bool:
    """Whether an entry of the file of ignored checks is about a finding."""
    return entry["check"] == check and name in entry.get("objects", [name])


def manifests(target: Path) -> Path:
    """Every stack as rendered, its Secrets included."""
    for stack in cases.stack_names():
        made = cases.rendered(stack)
        write(made, target / stack)
        for cluster, generated in made.secrets.items():
            file = target / stack / "manifests" / cluster / "~secrets.yaml"
            file.write_text(to_yaml([secret.manifest for secret in generated]))
    return target


def tracked(target: Path) -> Path:
    """The files under version control, as they are."""
    project = project_dir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project, capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        # Lock files are hashes from end to end, and are checked by those who read them.
        if (project / name).is_file() and not name.endswith((".lock", "go.sum", "-lock.json", ".sha256")):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(project / name, target / name)
    return target


def test_checkov_finds_nothing_that_has_no_reason(tmp_path: Path) -> None:
    for name in ("manifests", "files"):
        (tmp_path / name).mkdir()
    found = checkov(manifests(tmp_path / "manifests"), "kubernetes")
    found |= checkov(tracked(tmp_path / "files"), "dockerfile", "github_actions", "secrets")
    assert sorted(f for f in found if not any(covers(entry, *f) for entry in IGNORED)) == []
    assert [entry["check"] for entry in IGNORED if not any(covers(entry, *finding) for finding in found)] == []


def test_checkov_is_listened_to(tmp_path: Path) -> None:
    """Guards the test above: a workload that is wrong and a key in clear are found."""
    container = {"name": "a", "image": "nginx:latest", "securityContext": {"privileged": True}}
    pod = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [container]}}
    spec = {"selector": {"matchLabels": {"app": "a"}}, "template": pod}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"}, "spec": spec}
    (tmp_path / "a.yaml").write_text(yaml.safe_dump(deployment))
    key = "AKIA" + "Q3EGWUD7XQ2ZB5LK"
    (tmp_path / "b.py").write_text(f'aws_access_key_id = "{key}"\n')
    found = {check for check, _ in checkov(tmp_path, "kubernetes", "secrets")}
    assert {"CKV_K8S_14", "CKV_K8S_16", "CKV_K8S_43", "CKV_SECRET_2"} <= found


def test_ignored_checks_have_a_reason() -> None:
    assert all(len(entry["reason"].split()) >= 10 for entry in IGNORED)
    assert all(set(entry) <= {"check", "objects", "reason"} for entry in IGNORED)
