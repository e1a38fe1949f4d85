"""Parameters by name: paths, aliases and subsets of the arrays of a model."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import equinox as eqx
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from .._errors import ProblemError
from .._registry import suggest


def parameter_paths(parameters: PyTree) -> list[str]:
    """The path of each array, such as `layers[0].weight`, in pytree order."""
    return [_path(path) for path, _ in jtu.tree_leaves_with_path(parameters)]


def named_parameters(model: PyTree) -> dict[str, Array]:
    """Path → inexact array, for every inexact array of the model."""
    arrays = eqx.filter(model, eqx.is_inexact_array)
    return dict(zip(parameter_paths(arrays), jtu.tree_leaves(arrays)))


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
    everything = jtu.tree_map(eqx.is_inexact_array, model)
    if trainable is None:
        return everything
    if isinstance(trainable, str):
        trainable = [trainable]
    if callable(trainable) and not isinstance(trainable, eqx.Module):
        nothing = jtu.tree_map(lambda _: False, model)
        try:
            chosen = eqx.tree_at(trainable, nothing, replace_fn=lambda _: True)
        except Exception as error:
            raise ProblemError(
                "trainable(model) must return an array of the model or a sequence of "
                f"them: {error}"
            ) from error
    elif isinstance(trainable, Sequence) and all(isinstance(x, str) for x in trainable):
        chosen = _by_prefix(model, everything, trainable)
    else:
        chosen = trainable
        if jtu.tree_structure(chosen) != jtu.tree_structure(everything):
            raise ProblemError(
                "trainable as a pytree must hold one boolean for each leaf of the model"
            )
    return jtu.tree_map(lambda a, b: bool(a and b), chosen, everything)


def _by_prefix(model, everything, prefixes):
    known = list(named_parameters(model))
    for prefix in prefixes:
        if not any(below(path, prefix) for path in known):
            raise ProblemError(
                f"trainable: no parameter of path {prefix!r}{suggest(prefix, known)}; "
                f"there are: {', '.join(known)}"
            )
    return jtu.tree_map_with_path(
        lambda path, _: any(below(_path(path), prefix) for prefix in prefixes),
        everything,
    )


def below(path: str, prefix: str) -> bool:
    """Whether the prefix is this path, or that of a module or list that holds it."""
    rest = path[len(prefix) :]
    return path.startswith(prefix) and (not rest or rest[0] in ".[")


def _path(path) -> str:
    return jtu.keystr(path).lstrip(".")
