from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.errors import LocalError
from local.images.reference import Reference

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.29.3", "docker.io/library/nginx:1.29.3"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("cotoami/cotoami:1.0.0", "docker.io/cotoami/cotoami:1.0.0"),
        ("registry-1.docker.io/prom/prometheus:v2", "docker.io/prom/prometheus:v2"),
        ("localhost:5000/h2o:1", "localhost:5000/h2o:1"),
        ("localhost/slipway/h2o:1", "localhost/slipway/h2o:1"),
        ("registry.k8s.io/defaultbackend-amd64:1.5", "registry.k8s.io/defaultbackend-amd64:1.5"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"ghcr.io/a/b:1@{DIGEST}", f"ghcr.io/a/b:1@{DIGEST}"),
    ],
)
def test_a_reference_is_completed_as_docker_does(text: str, complete: str) -> None:
    assert str(Reference.parse(text)) == complete


@pytest.mark.parametrize(
    "text", ["", ":1", "Nginx:1", "nginx:", "nginx:1:2", "a b", "nginx@sha256:12", "/nginx", "a//b"]
)
def test_what_is_no_reference_is_refused(text: str) -> None:
    with pytest.raises(LocalError, match="is not an image reference"):
        Reference.parse(text)


_part = st.from_regex(r"[a-z0-9]{1,8}([._-][a-z0-9]{1,4})?", fullmatch=True)


@given(
    host=st.sampled_from(["docker.io", "localhost:5000", "registry.k8s.io", "europe-docker.pkg.dev"]),
    path=st.lists(_part, min_size=2, max_size=4),
    tag=st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,12}", fullmatch=True),
)
def test_a_complete_reference_stays_as_it_is(host: str, path: list[str], tag: str) -> None:
    text = f"{host}/{'/'.join(path)}:{tag}"
    assert str(Reference.parse(text)) == text


def test_a_mirror_is_asked_for_the_same_repository() -> None:
    assert str(Reference.parse("nginx:1").at("127.0.0.1:5000")) == "127.0.0.1:5000/library/nginx:1"
    assert str(Reference.parse("ghcr.io/a/b:1").at("127.0.0.1:5000")) == "127.0.0.1:5000/a/b:1"
