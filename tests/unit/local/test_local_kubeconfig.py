"""Merging our context into somebody's kubeconfig, and taking it out again."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from local import kubeconfig, pki, settings
from local.errors import LocalError

if TYPE_CHECKING:
    from pathlib import Path

THEIRS = """\
apiVersion: v1
kind: Config
preferences: {}
# the cluster at work
clusters:
- name: work
  cluster: {server: "https://work.example:6443"}
users:
- name: me
  user: {token: abc}
contexts:
- name: work
  context: {cluster: work, user: me}
current-context: work
"""


@pytest.fixture(name="ours", scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    directory = tmp_path_factory.mktemp("pki")
    pki.ensure(directory)
    return kubeconfig.admin(directory)


def read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def names(document: dict[str, Any], section: str) -> list[str]:
    return [entry["name"] for entry in document[section]]


def test_a_missing_file_is_made_and_removed_again(tmp_path: Path, ours: dict[str, Any]) -> None:
    path = tmp_path / "dir" / "config"
    assert kubeconfig.merge(path, ours)
    document = read(path)
    assert document["current-context"] == settings.CONTEXT
    assert names(document, "contexts") == [settings.CONTEXT]
    assert document["clusters"][0]["cluster"]["server"] == settings.API_SERVER
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kubeconfig.remove(path)
    assert not path.exists()
    kubeconfig.remove(path)  # nothing there is fine


def test_other_entries_and_the_current_context_stay(tmp_path: Path, ours: dict[str, Any]) -> None:
    path = tmp_path / "config"
    path.write_text(THEIRS, encoding="utf-8")
    assert not kubeconfig.merge(path, ours)
    assert not kubeconfig.merge(path, ours)  # a second time changes nothing more
    document = read(path)
    assert document["current-context"] == "work"
    assert names(document, "contexts") == ["work", settings.CONTEXT]
    assert names(document, "clusters") == ["work", settings.CONTEXT]
    assert len(names(document, "users")) == 2
    kubeconfig.remove(path)
    assert read(path) == yaml.safe_load(THEIRS)
    assert "# the cluster at work" in path.read_text(encoding="utf-8")


LEFT_BY_KUBECTL = "apiVersion: v1\nkind: Config\nclusters: null\nusers: null\ncontexts: null\n"


@pytest.mark.parametrize("content", ["", LEFT_BY_KUBECTL])
def test_an_empty_file_and_lists_that_are_null_are_filled(tmp_path: Path, ours: dict[str, Any], content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content, encoding="utf-8")
    kubeconfig.merge(path, ours)
    assert read(path)["current-context"] == settings.CONTEXT
    assert names(read(path), "contexts") == [settings.CONTEXT]


@pytest.mark.parametrize("content", ["clusters: [", "- a\n- b\n", "clusters: {a: b}\n", "contexts: [1, 2]\n", "\x00"])
def test_what_is_no_kubeconfig_is_refused_and_left_alone(tmp_path: Path, ours: dict[str, Any], content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(LocalError, match="is not a kubeconfig") as caught:
        kubeconfig.merge(path, ours)
    assert str(path) in str(caught.value)
    assert path.read_text(encoding="utf-8") == content


def test_the_first_file_of_kubeconfig_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    assert kubeconfig.user_file() == tmp_path / "a"
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert kubeconfig.user_file() == tmp_path / ".kube" / "config"
