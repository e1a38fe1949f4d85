"""Losses by name: `loss(prediction, target) -> scalar` for one sample.

Any function of that signature is a loss; these are the usual ones, with Optax doing
the arithmetic where it has it. Every one is differentiable in the prediction and
returns the dtype of the prediction.
"""

import jax.numpy as jnp
import optax
from jaxtyping import Array, Shaped

from ._errors import ProblemError
from ._typing import Scalar


def mse(prediction: Array, target: Array) -> Scalar:
    """Mean over the outputs of (z − y)². Shapes: both `(outputs...)`."""
    return jnp.mean((prediction - _as(prediction, target)) ** 2)


def half_squared_error(prediction: Array, target: Array) -> Scalar:
    """½ Σ (z − y)² over the outputs. Shapes: both `(outputs...)`."""
    return 0.5 * jnp.sum((prediction - _as(prediction, target)) ** 2)


def huber(prediction: Array, target: Array) -> Scalar:
    """Mean over the outputs of Huber's loss with δ = 1 (`optax.huber_loss`)."""
    return jnp.mean(optax.huber_loss(prediction, _as(prediction, target)))


def softmax_cross_entropy(logits: Array, target: Shaped[Array, "..."]) -> Scalar:
    """−Σ_c y_c log softmax(z)_c.

    **Arguments:**

    - `logits`: shape `(classes,)`.
    - `target`: an integer label of shape `()`, or probabilities of shape
        `(classes,)`.

    **Raises:** `ProblemError` if the target is neither.
    """
    if logits.ndim != 1:
        raise ProblemError(
            "softmax_cross_entropy wants one vector of logits a sample; "
            f"the model returned shape {logits.shape}"
        )
    if jnp.issubdtype(target.dtype, jnp.integer) and target.ndim == 0:
        return optax.softmax_cross_entropy_with_integer_labels(logits, target)
    if target.shape == logits.shape and jnp.issubdtype(target.dtype, jnp.floating):
        return optax.softmax_cross_entropy(logits, target)
    raise ProblemError(
        "softmax_cross_entropy wants an integer label of shape () or probabilities of "
        f"shape {logits.shape}; got {target.dtype} of shape {target.shape}"
    )


def logistic(logit: Array, target: Shaped[Array, "..."]) -> Scalar:
    """log(1 + exp(−yz)), summed over the outputs.

    **Arguments:**

    - `logit`: shape `()` or `(outputs...)`.
    - `target`: the same shape; above 0 is the class +1, otherwise −1, so that
        {0, 1} and {−1, 1} both work.
    """
    sign = jnp.where(_as(logit, target) > 0, 1.0, -1.0).astype(logit.dtype)
    return jnp.sum(jnp.logaddexp(jnp.zeros_like(logit), -sign * logit))


def _as(prediction: Array, target: Array) -> Array:
    target = target.astype(prediction.dtype)
    if prediction.size == target.size == 1:
        return target.reshape(prediction.shape)
    if prediction.shape != target.shape:
        raise ProblemError(
            f"the model returns shape {prediction.shape} a sample and the target has "
            f"shape {target.shape}; this loss wants them equal"
        )
    return target
