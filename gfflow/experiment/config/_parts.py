"""Sections whose `kind` is a name of the registry."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, TypeVar

from pydantic import AfterValidator, ConfigDict, Field
from pydantic_core import CoreSchema, PydanticCustomError, PydanticKnownError
from pydantic_core.core_schema import no_info_plain_validator_function

from ..._registry import names
from ._section_types import (
    TARGET_SYNTAX,
    Arguments,
    Section,
    Target,
    one_of,
    plain,
    refuse,
)


class Part(Section):
    """A section that says which part to take, and with what.

    **Attributes:**

    - `kind`: a name of the registry.
    """

    kind: str

    def options(self) -> dict[str, Any]:
        """The keyword arguments of the registered part."""
        return self.model_dump(exclude={"kind"})

    def filled(self, defaults: Mapping[str, Any]) -> Self:
        """With the part's defaults, where this section does not state its own."""
        return self


class OpenPart(Part):
    """A section without a list of keys: they are those of the part's signature, and
    are read from it when the part is made."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Annotated[Any, AfterValidator(plain)]]

    def key_of(self, argument: str | None) -> str | None:
        given = self.__pydantic_extra__
        return argument if argument in given else super().key_of(argument)

    def filled(self, defaults: Mapping[str, Any]) -> Self:
        return type(self).model_validate({**defaults, **self.model_dump()})


class TargetPart(Part):
    """`[problem.model]` or `[problem.data]` made by a user's own function."""

    kind: str = "target"
    target: Target = Field(description=TARGET_SYNTAX)
    arguments: Arguments = Field(default={}, description="its keyword arguments")

    def key_of(self, argument: str | None) -> str:
        return "target"


_Part = TypeVar("_Part", bound=type[Part])
_SECTIONS: dict[tuple[str, str], type[Part]] = {}


def keys_of(registered: str, *kinds: str) -> Callable[[_Part], _Part]:
    """Say that a section has the keys of these names of the registry.

    A name without one is configured by an `OpenPart`.
    """

    def record(section: _Part) -> _Part:
        for kind in kinds:
            assert kind in names(registered), kind
            _SECTIONS[registered, kind] = section
        return section

    return record


@dataclass(frozen=True)
class Choice:
    """Marks a field of a section as a `Part`, its class chosen by its `kind`.

    **Fields:**

    - `registered`: the kind of part in the registry, such as `"flows"`.
    - `open`: the section of a name for which `keys_of` states none.
    - `default`: the kind of a section without one.
    - `target`: whether a user's own function may stand in its place.
    """

    registered: str
    open: type[OpenPart] = OpenPart
    default: str | None = None
    target: bool = True
    TARGET: ClassVar[str] = "target"

    def kinds(self) -> list[str]:
        """The kinds to choose from."""
        return names(self.registered) + ([self.TARGET] if self.target else [])

    def section(self, content: Any) -> type[Part] | None:
        """The class of the section that has this content; `None` if it has no kind."""
        kind = self._kind(content)
        if kind not in self.kinds():
            return None
        if self.target and kind == self.TARGET:
            return TargetPart
        return _SECTIONS.get((self.registered, kind), self.open)

    def _kind(self, content: Any) -> Any:
        if not isinstance(content, dict):
            return None
        assumed = self.TARGET if self.target and self.TARGET in content else None
        return content.get("kind", assumed or self.default)

    def _validate(self, content: Any) -> Part:
        section, kind = self.section(content), self._kind(content)
        if section is not None:
            return section.model_validate({**content, "kind": kind})
        if not isinstance(content, dict):
            raise PydanticKnownError("dict_type")
        words = self.kinds()
        if kind is None:
            text = f"this key is required, one of {', '.join(words)}"
            raise PydanticCustomError("kind_missing", "{text}", {"text": text})
        raise refuse(one_of(kind, words), ("kind",))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> CoreSchema:
        return no_info_plain_validator_function(self._validate)
