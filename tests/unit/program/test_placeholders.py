"""Values that only a provider will know, as the recording monitor answers them."""

from __future__ import annotations

from pulumi_kubernetes.core.v1 import outputs

from ops.render.placeholders import placeholder


def test_a_member_with_one_possible_value_has_it() -> None:
    """A claim template that names neither version nor kind renders all the same."""
    made = placeholder("store", "spec.volumeClaimTemplates[0]", outputs.PersistentVolumeClaim, {"metadata": {}})
    assert (made["apiVersion"], made["kind"]) == ("v1", "PersistentVolumeClaim")


def test_what_the_program_gave_stays() -> None:
    made = placeholder("store", "spec", outputs.PersistentVolumeClaim, {"metadata": {"name": "data"}})
    assert made["metadata"]["name"] == "data"
    assert made["metadata"]["uid"] == "${store.spec.metadata.uid}"
