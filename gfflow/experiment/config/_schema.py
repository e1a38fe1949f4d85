"""Where a place in a config is in the schema of its sections."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from ._sections import Config


@dataclass(frozen=True)
class Located:
    """What the schema says of one place in a config."""

    keys: tuple[str | int, ...]
    section: type[BaseModel] | None
    field: FieldInfo | None
    annotation: Any


def locate(location: Sequence[str | int]) -> Located:
    """Follow a location, as pydantic reports it, down the schema.

    **Arguments:**

    - `location`: keys and indices, with the tags of the alternatives passed through.

    **Returns:** the keys without the tags, the section that holds the last key, and
    the last key's field and type; `None` where the schema has no such thing.
    """
    keys: list[str | int] = []
    section: type[BaseModel] | None = None
    field: FieldInfo | None = None
    annotation: Any = Config
    for part in location:
        alternatives = _alternatives(annotation)
        if part in alternatives:
            annotation = _bare(alternatives[part])
            continue
        keys.append(part)
        section = annotation if is_section(annotation) else None
        if section is None:
            annotation = next(iter(get_args(annotation)), None)
        elif part in section.model_fields:
            field = section.model_fields[str(part)]
            annotation = field.annotation
        else:
            field = annotation = None
        annotation = _bare(annotation)
    return Located(tuple(keys), section, field, annotation)


def is_section(annotation: Any) -> bool:
    """Whether a type in the schema is one section."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def section_kinds(annotation: Any) -> list[str]:
    """The kinds between which a section's `kind` chooses; empty if it does not."""
    tags = _alternatives(annotation)
    return list(tags) if any(is_section(_bare(tags[tag])) for tag in tags) else []


def _alternatives(annotation: Any) -> dict[str, Any]:
    return {
        mark.tag: choice
        for choice in get_args(annotation)
        for mark in getattr(choice, "__metadata__", ())
        if isinstance(mark, Tag)
    }


def _bare(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    choices = [choice for choice in get_args(annotation) if choice is not NoneType]
    if len(choices) == 1 and NoneType in get_args(annotation):
        return _bare(choices[0])
    return annotation
