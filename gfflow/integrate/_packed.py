"""A module that is flattened once, for programs that are called once a row."""

from collections.abc import Callable
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, final
from weakref import WeakValueDictionary

import equinox as eqx
import jax.tree_util as jtu
from jaxtyping import Array

T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


@final
class _WithoutArrays:
    """All of a module but its arrays. Equal ones are one object, so that a program is
    found by identity; one that cannot be hashed is equal to itself only."""

    _known: WeakValueDictionary = WeakValueDictionary()

    def __init__(self, structure: Any, leaves: tuple[Any, ...]):
        self._structure, self._leaves = structure, leaves

    @classmethod
    def of(cls, structure: Any, leaves: tuple[Any, ...]) -> "_WithoutArrays":
        """Of the structure of a tree, and its leaves with a mark for each array."""
        new = cls(structure, leaves)
        try:
            return cls._known.setdefault((structure, leaves, *map(type, leaves)), new)
        except TypeError:
            return new

    def with_arrays(self, arrays: tuple[Array, ...]) -> Any:
        """The module."""
        found = iter(arrays)
        leaves = [next(found) if x is _ARRAY else x for x in self._leaves]
        return jtu.tree_unflatten(self._structure, leaves)


class Packed(eqx.Module, Generic[T]):
    """A module as its arrays and one object that stands for all else.

    `eqx.filter_jit` flattens and hashes what it is called with, every time: a model of
    ten layers and ten laws of it take longer than a step of them.
    """

    arrays: tuple[Array, ...]
    rest: _WithoutArrays = eqx.field(static=True)

    @classmethod
    def of(cls, module: T) -> "Packed[T]":
        """The arrays stay where they are."""
        leaves, structure = jtu.tree_flatten(module)
        arrays = tuple(x for x in leaves if eqx.is_array(x))
        others = tuple(_ARRAY if eqx.is_array(x) else x for x in leaves)
        return cls(arrays, _WithoutArrays.of(structure, others))

    @property
    def module(self) -> T:
        """What was packed."""
        return self.rest.with_arrays(self.arrays)


def packed(method: Callable[Concatenate[T, P], R]) -> Callable[..., R]:
    """The compiled method of a packed module."""

    @eqx.filter_jit
    def compiled(module: Packed[T], *args: P.args, **kwargs: P.kwargs) -> R:
        return method(module.module, *args, **kwargs)

    return compiled


_ARRAY = object()
