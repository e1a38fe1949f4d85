"""Inputs, targets and weights as arrays: what is refused, and what counts."""

from typing import Any

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Bool, PyTree

from .._checks import is_traced
from .._errors import ProblemError
from ._words import first_line


def as_arrays(data: Any) -> tuple[PyTree[Array], PyTree[Array]]:
    """(inputs, targets), the samples leading.

    **Raises:** `ProblemError` for what is no pair of trees of arrays with as many
    samples, at least one.
    """
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise ProblemError(
            f"data is a pair (inputs, targets); got {type(data).__name__}"
            + (f" of length {len(data)}" if isinstance(data, tuple | list) else "")
        )
    arrays = []
    for name, part in zip(("inputs", "targets"), data):
        try:
            part = jtu.tree_map(jnp.asarray, part)
        except (TypeError, ValueError) as error:
            raise ProblemError(f"{name} must be arrays: {first_line(error)}") from None
        if any(leaf.ndim == 0 for leaf in jtu.tree_leaves(part)):
            raise ProblemError(f"{name} must have the samples as leading axis")
        arrays.append(part)
    inputs, targets = arrays
    counts = [len(x) for x in jtu.tree_leaves(arrays)]
    if not counts or counts[0] == 0:
        raise ProblemError("there are no samples in the data")
    if len(set(counts)) > 1:
        n, m = (len(jtu.tree_leaves(part)[0]) for part in arrays)
        raise ProblemError(
            f"inputs have {n} samples and targets {m}; they must be as many"
        )
    return inputs, targets


def as_weights(weights: Any, samples: int, dtype) -> Array:
    """**Raises:** `ProblemError` for weights of another shape, or known ones that are
    not finite, nonnegative, or all zero."""
    weights = jnp.asarray(weights, dtype)
    if weights.shape != (samples,):
        raise ProblemError(
            f"weights have shape {weights.shape}; wanted one a sample, ({samples},)"
        )
    if not is_traced(weights) and not (
        np.all(np.isfinite(weights))
        and np.all(np.asarray(weights) >= 0)
        and np.any(np.asarray(weights) > 0)
    ):
        raise ProblemError("weights must be finite, nonnegative, and not all zero")
    return weights


def in_precision(data: PyTree[Array], dtype) -> PyTree[Array]:
    """Real and complex arrays in the precision of `dtype`, other ones as they are."""

    def cast(x):
        if jnp.issubdtype(x.dtype, jnp.floating):
            return x.astype(dtype)
        if jnp.issubdtype(x.dtype, jnp.complexfloating):
            double = dtype == jnp.float64
            return x.astype(jnp.complex128 if double else jnp.complex64)
        return x

    return jtu.tree_map(cast, data)


def refuse_non_finite(
    inputs: PyTree[Array], targets: PyTree[Array], counts: Bool[np.ndarray, " N"]
) -> None:
    """**Raises:** `ProblemError` for NaN or infinity in a sample that counts."""
    for name, part in (("inputs", inputs), ("targets", targets)):
        for leaf in jtu.tree_leaves(part):
            if is_traced(leaf) or not jnp.issubdtype(leaf.dtype, jnp.inexact):
                continue
            finite = np.isfinite(np.asarray(leaf))
            bad = np.argwhere(~finite & _over_samples(counts, finite))
            if len(bad):
                raise ProblemError(
                    f"{name} hold NaN or infinity, first at index {bad[0].tolist()}; "
                    "clean the data, or give the sample the weight 0"
                )


def counting(weights: Array | None, samples: int) -> Bool[np.ndarray, " N"]:
    """Which samples count for sure: all without weights, else those not of weight 0;
    none while the weights are traced."""
    if weights is None:
        return np.ones(samples, bool)
    if is_traced(weights):
        return np.zeros(samples, bool)
    return np.asarray(weights) != 0


def filled(data: PyTree[Array], weights: Array) -> PyTree[Array]:
    """The data with each sample of weight 0 replaced by the first that counts.

    A loss that is not finite where it does not count, and its derivatives, are then
    not computed at all: 0 · NaN is NaN.
    """
    counts = weights != 0
    first = jnp.argmax(counts)
    fill = lambda x: jnp.where(_over_samples(counts, x), x, x[first][None])
    return jtu.tree_map(fill, data)


def _over_samples(values, like):
    return values.reshape(-1, *(1,) * (like.ndim - 1))
