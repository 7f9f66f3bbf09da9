"""Every setting of a model by its key path, as a stack file spells it."""

from __future__ import annotations

from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args, get_origin

from stacks.settings.fields import Model

if TYPE_CHECKING:
    from collections.abc import Iterator


def leaves(model: type[Model], prefix: str = "") -> Iterator[str]:
    """Key paths of the settings of a model and of the models in it; `kind` says which model it is and is left out."""
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        if name == "kind":
            continue
        inner = _model_in(field.annotation)
        if inner is None:
            yield key
        else:
            yield from leaves(inner, f"{key}.")


def _model_in(annotation: Any) -> type[Model] | None:
    """The model that a setting holds, itself or None; lists and mappings count as one value."""
    if isinstance(annotation, type) and issubclass(annotation, Model):
        return annotation
    if get_origin(annotation) is Annotated:
        return _model_in(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        found = [_model_in(part) for part in get_args(annotation)]
        return next((model for model in found if model is not None), None)
    return None
