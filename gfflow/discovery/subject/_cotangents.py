"""The span over targets y of ∂_z ℓ(z, y): what a loss can ask of a prediction."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

_SMALL = 1e-10


def cotangent_span(
    loss: Callable, predictions: np.ndarray, targets: Callable[[int], object]
) -> np.ndarray | None:
    """An orthonormal basis of V, `(v, outputs)`, found at several predictions.

    **Arguments:**

    - `loss`: `loss(z, y) -> scalar` on flat predictions.
    - `predictions`: `(places, outputs)`.
    - `targets`: count → that many random targets.

    **Returns:** `None` where the span is not the same at all of them.
    """
    outputs = predictions.shape[1]
    slopes = jax.jit(jax.vmap(jax.grad(loss), in_axes=(None, 0)))
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


def _row_space(rows: np.ndarray) -> np.ndarray:
    _, sizes, basis = np.linalg.svd(rows, full_matrices=False)
    return basis[sizes > _SMALL * max(sizes.max(initial=0.0), 1e-300)]
