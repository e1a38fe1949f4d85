"""Where a place in a config is in the schema of its sections."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Annotated, Any, TypeGuard, get_args, get_origin

from pydantic import BaseModel, Tag
from pydantic.fields import FieldInfo

from ._parts import Choice
from ._sections import Config


@dataclass(frozen=True)
class Located:
    """What the schema says of one place in a config.

    **Fields:**

    - `keys`: the place.
    - `section`: the section that holds the last key.
    - `field`, `annotation`: of the last key.
    - `choice`: what it chooses between, if its `kind` says which section it is.

    Each is `None` where the schema has no such thing.
    """

    keys: tuple[str | int, ...]
    section: type[BaseModel] | None = None
    field: FieldInfo | None = None
    annotation: Any = None
    choice: Choice | None = None


def locate(location: Sequence[str | int], data: Any) -> Located:
    """Follow a location, as pydantic reports it, down the schema.

    **Arguments:**

    - `location`: keys and indices, with the tags of the alternatives passed through.
    - `data`: the whole config, whose kinds decide which section is at a place.
    """
    at = Located((), annotation=Config)
    for part in location:
        alternatives = _alternatives(at.annotation)
        if part in alternatives:
            at = Located(at.keys, at.section, at.field, _bare(alternatives[part]))
            continue
        at = _inside(at, part, data)
        data = _entry(data, part)
    return at


def _inside(at: Located, part: str | int, content: Any) -> Located:
    keys = (*at.keys, part)
    section = at.choice.section(content) if at.choice else at.annotation
    if not is_section(section):
        first = next(iter(get_args(at.annotation)), None)
        return Located(keys, annotation=_bare(first))
    field = section.model_fields.get(str(part))
    if field is None:
        return Located(keys, section)
    choice = next((m for m in field.metadata if isinstance(m, Choice)), None)
    return Located(keys, section, field, _bare(field.annotation), choice)


def _entry(content: Any, part: str | int) -> Any:
    if isinstance(content, dict):
        return content.get(part)
    if isinstance(content, list) and isinstance(part, int) and part < len(content):
        return content[part]
    return None


def is_section(annotation: Any) -> TypeGuard[type[BaseModel]]:
    """Whether a type in the schema is one section."""
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _alternatives(annotation: Any) -> dict[str, Any]:
    return {
        mark.tag: choice
        for choice in get_args(annotation)
        if get_origin(choice) is Annotated
        for mark in get_args(choice)[1:]
        if isinstance(mark, Tag)
    }


def _bare(annotation: Any) -> Any:
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    choices = [choice for choice in get_args(annotation) if choice is not NoneType]
    if len(choices) == 1 and NoneType in get_args(annotation):
        return _bare(choices[0])
    return annotation
