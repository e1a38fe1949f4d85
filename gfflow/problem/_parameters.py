"""Parameters by name: their paths, aliases, and the ones of them that train."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from .._errors import ProblemError
from .._registry import suggest
from ._leaves import named_leaves
from ._paths import below

_ARRAYS_ALONE = (
    "a class in the model holds arrays alone, but JAX puts other things into every "
    "pytree: {}. Leave conversions out of its tree_unflatten"
)


def parameter_paths(parameters: PyTree) -> list[str]:
    """The path of each array, such as `layers[0].weight`, in pytree order."""
    return [path for path, _ in named_leaves(parameters)]


def named_parameters(model: PyTree) -> dict[str, Array]:
    """Path → inexact array, for every array of the model that may be a parameter."""
    return dict(named_leaves(eqx.filter(model, parameter_filter(model))))


def parameter_filter(model: PyTree) -> PyTree[bool]:
    """Which leaves may be parameters: the inexact arrays, but for the statistics that
    stateful layers keep (`eqx.nn.State`, `eqx.nn.StateIndex`).

    **Raises:** `ProblemError` for a class that holds nothing but arrays.
    """
    kept = lambda x: isinstance(x, eqx.nn.State | eqx.nn.StateIndex)

    def of(part):
        if kept(part):
            return jtu.tree_map(lambda _: False, part)
        return eqx.is_inexact_array(part)

    try:
        chosen = jtu.tree_map(of, model, is_leaf=kept)
    except Exception as error:
        raise ProblemError(_ARRAYS_ALONE.format(error)) from error
    for leaf in jtu.tree_leaves(chosen):
        if not isinstance(leaf, bool):
            raise ProblemError(_ARRAYS_ALONE.format(f"a truth value became {leaf!r}"))
    return chosen


def aliases(paths: Sequence[str]) -> dict[str, str]:
    """Short names: `W1`, `W2`, … for the weights in order, `b1`, … for their biases.

    A weight is a path that ends in `weight`; its bias is the path that ends in `bias`
    and is otherwise the same.
    """
    short = {}
    weights = [p for p in paths if re.search(r"(^|\.)weight$", p)]
    for number, path in enumerate(weights, start=1):
        short[f"W{number}"] = path
        bias = re.sub(r"weight$", "bias", path)
        if bias in paths:
            short[f"b{number}"] = bias
    return short


def trainable_filter(
    model: Any, trainable: Callable[[Any], Any] | Sequence[str] | PyTree[bool] | None
) -> PyTree[bool]:
    """A pytree of booleans like the model: which leaves train.

    **Raises:** `ProblemError` for a path that names no parameter, or a selection that
    is not of inexact arrays.
    """
    everything = parameter_filter(model)
    if trainable is None:
        return everything
    if isinstance(trainable, str):
        trainable = [trainable]
    if jtu.tree_structure(trainable) == jtu.tree_structure(everything):
        chosen = trainable
    elif isinstance(trainable, Sequence) and all(isinstance(x, str) for x in trainable):
        chosen = _by_prefix(everything, trainable)
    elif callable(trainable) and not isinstance(trainable, eqx.Module):
        chosen = _by_function(everything, trainable)
    else:
        raise ProblemError(
            "trainable as a pytree must hold one boolean for each leaf of the model"
        )
    return jtu.tree_map(lambda a, b: bool(a and b), chosen, everything)


def of_jax(tree: PyTree) -> PyTree:
    """NumPy's arrays of numbers, and its real and complex numbers, made arrays of JAX,
    in the precision that it has.

    **Raises:** `ProblemError` for a dtype that JAX does not know.
    """
    made = []
    for path, leaf in named_leaves(tree):
        array = isinstance(leaf, np.ndarray) and leaf.dtype.kind in "biufc"
        if array or isinstance(leaf, np.inexact):
            try:
                leaf = jnp.asarray(leaf)
            except TypeError:
                raise ProblemError(
                    f"{path} is of NumPy's {leaf.dtype}, which JAX does not have; make "
                    "it float64"
                ) from None
        made.append(leaf)
    return jtu.tree_unflatten(jtu.tree_structure(tree), made)


def _by_function(everything, function):
    nothing = jtu.tree_map(lambda _: False, everything)
    try:
        return eqx.tree_at(function, nothing, replace_fn=lambda _: True)
    except Exception as error:
        raise ProblemError(
            "trainable(model) must return an array of the model or a sequence of "
            f"them: {error}"
        ) from error


def _by_prefix(everything, prefixes):
    leaves = named_leaves(everything)
    known = [path for path, may_train in leaves if may_train]
    for prefix in prefixes:
        if not any(below(path, prefix) for path in known):
            raise ProblemError(
                f"trainable: no parameter of path {prefix!r}{suggest(prefix, known)}; "
                f"there are: {', '.join(known)}"
            )
    chosen = [any(below(path, p) for p in prefixes) for path, _ in leaves]
    return jtu.tree_unflatten(jtu.tree_structure(everything), chosen)
