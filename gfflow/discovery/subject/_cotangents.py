"""The span over targets y of ∂_z ℓ(z, y): what a loss can ask of a prediction."""

from collections.abc import Callable
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np

from ...problem import Problem
from ._constant import Constant
from ._flat_loss import FlatLoss
from ._random_arrays import drawn_targets

_SMALL = 1e-10
_PLACES = 3
_KEPT = 16


def cotangents_of(problem: Problem) -> np.ndarray | None:
    """V of a problem's loss: see `cotangent_span`."""
    random = np.random.default_rng(0)
    loss = FlatLoss.of(problem)
    return cotangent_span(
        loss,
        random.standard_normal((_PLACES, loss.prediction.size)),
        lambda count: drawn_targets(random, problem, count),
    )


def cotangent_span(
    loss: FlatLoss, predictions: np.ndarray, targets: Callable[[int], object]
) -> np.ndarray | None:
    """An orthonormal basis of V, `(v, outputs)`, found at several predictions.

    **Arguments:**

    - `predictions`: `(places, outputs)`.
    - `targets`: count → that many random targets.

    **Returns:** `None` where the span is not the same at all of them.
    """
    outputs = predictions.shape[1]
    slopes = _slopes(Constant(loss))
    spans = []
    for z in predictions:
        rows = np.asarray(slopes(jnp.asarray(z), targets(2 * outputs + 8)))
        rows = rows[np.all(np.isfinite(rows), axis=1)]
        sizes = np.linalg.norm(rows, axis=1, keepdims=True)
        spans.append(_row_space(rows / np.where(sizes > 0, sizes, 1)))
    together = _row_space(np.concatenate(spans))
    if any(len(span) != len(together) for span in spans):
        return None
    return np.eye(outputs) if len(together) == outputs else together


@lru_cache(maxsize=_KEPT)
def _slopes(loss: Constant[FlatLoss]) -> Callable:
    """(z, targets) → ∂_z ℓ(z, y) for each, `(targets, outputs)`."""
    return jax.jit(jax.vmap(jax.grad(loss.value), in_axes=(None, 0)))


def _row_space(rows: np.ndarray) -> np.ndarray:
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[sizes > _SMALL * max(sizes.max(initial=0.0), 1e-300)]
