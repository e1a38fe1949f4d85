"""A pure function of parameters and a sample, as a model."""

from collections.abc import Callable
from typing import Any, Self, final

import equinox as eqx
import jax.tree_util as jtu
from jaxtyping import PyTree

from .._errors import ProblemError
from ._parameters import of_jax


@final
@jtu.register_pytree_with_keys_class
class ParameterFunction:
    """x ↦ apply(params, x).

    As a pytree its children are those of `params`, so that a path begins inside of it:
    `['dense']['kernel']`, and `params` where it is a single array.

    **Attributes:**

    - `apply`: what no transformation looks into.
    """

    apply: Callable[[Any, Any], Any]
    _children: tuple[Any, ...]
    _keys: tuple[Any, ...]
    _structure: Any

    def __init__(self, apply: Callable[[Any, Any], Any], params: PyTree):
        below = lambda x: x is not params
        found, structure = jtu.tree_flatten_with_path(params, is_leaf=below)
        single = jtu.GetAttrKey("params")
        self.apply = apply
        self._keys = tuple(keys[0] if keys else single for keys, _ in found)
        self._children = tuple(child for _, child in found)
        self._structure = structure

    @property
    def params(self) -> PyTree:
        """The parameters, in the structure that they were given in."""
        return jtu.tree_unflatten(self._structure, self._children)

    def __call__(self, x: Any) -> Any:
        return self.apply(self.params, x)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.apply}, {eqx.tree_pformat(self.params)})"

    def tree_flatten_with_keys(self) -> tuple[tuple, tuple]:
        own = self.apply, self._keys, self._structure
        return tuple(zip(self._keys, self._children)), own

    @classmethod
    def tree_unflatten(cls, own: tuple, children: Any) -> Self:
        made = object.__new__(cls)
        made.apply, made._keys, made._structure = own
        made._children = tuple(children)
        return made


def parameter_function(apply: Any, params: PyTree) -> ParameterFunction:
    """A model of the two, NumPy's arrays of numbers made JAX's.

    **Raises:** `ProblemError` for what cannot be called, or cannot be hashed, as JAX
    asks of what it compiles; for parameters without an inexact array.
    """
    if not callable(apply):
        raise ProblemError(
            "apply is a function, `apply(params, x) -> prediction` of one sample; got "
            f"{type(apply).__name__}",
            argument="apply",
        )
    try:
        hash(apply)
    except TypeError as error:
        raise ProblemError(
            f"apply must be hashable, for JAX to compile it: {error}. Give a function, "
            "or the method of an object, and its arrays in params",
            argument="apply",
        ) from None
    if not any(map(eqx.is_inexact_array, jtu.tree_leaves(params))):
        raise ProblemError(
            "params is a pytree with floating-point arrays, such as a dictionary of "
            f"them; got {jtu.tree_structure(params)} without one",
            argument="params",
        )
    return ParameterFunction(apply, of_jax(params))


def for_model(model: ParameterFunction, given: Any) -> Any:
    """What is said of `params`, `trainable` or `time_scale`, said of the model.

    A function of `params`, or a pytree like it, becomes one of the model; lists of
    paths and what else there is stay as they are.
    """
    paths = isinstance(given, list | tuple) and all(isinstance(x, str) for x in given)
    if paths or given is None:
        return given
    if jtu.tree_structure(given) == jtu.tree_structure(model.params):
        return ParameterFunction(model.apply, given)
    if callable(given) and not isinstance(given, eqx.Module):
        return lambda m: given(m.params)
    return given
