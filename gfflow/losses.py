"""Losses by name: `loss(prediction, target) -> scalar` for one sample.

Any function of that signature is a loss; these are the usual ones, with Optax doing
the arithmetic where it has it. Every one is differentiable in the prediction and
returns the dtype of the prediction.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Shaped

from ._checks import is_traced
from ._errors import ProblemError
from ._typing import Loss, Scalar

_Wrong = Bool[np.ndarray, "..."]
_Fault = Callable[[jax.ShapeDtypeStruct, np.ndarray], tuple[_Wrong, str]]
_Loss = TypeVar("_Loss", bound=Loss)
_FAULTS: dict[Loss, _Fault] = {}


def refuse_targets(
    loss: Loss, prediction: Any, targets: Any, counts: Bool[np.ndarray, " N"]
) -> None:
    """Refuse known targets of which a loss of this module says that it wants others.

    Nothing is known of a user's own loss.

    **Arguments:**

    - `prediction`: the shape of one.
    - `targets`: of all samples; `counts`: which of these matter.

    **Raises:** `ProblemError` naming the sample and its target.
    """
    fault = next((f for own, f in _FAULTS.items() if own is loss), None)
    one = isinstance(prediction, jax.ShapeDtypeStruct)
    known = isinstance(targets, jax.Array) and not is_traced(targets)
    if fault is None or not one or not known:
        return
    values = np.asarray(targets)
    wrong, wanted = fault(prediction, values)
    bad = np.argwhere(wrong & counts.reshape(-1, *(1,) * (wrong.ndim - 1)))
    if len(bad):
        sample, *_ = index = tuple(bad[0])
        raise ProblemError(f"sample {sample} has the target {values[index]}; {wanted}")


def _wants(fault: _Fault) -> Callable[[_Loss], _Loss]:
    """Say which targets a loss does not take, and what it wants."""

    def of(loss: _Loss) -> _Loss:
        _FAULTS[loss] = fault
        return loss

    return of


def _no_class(logits, targets):
    if targets.ndim != 1 or not np.issubdtype(targets.dtype, np.integer):
        return np.zeros(targets.shape, bool), ""
    (classes,) = logits.shape
    return (targets < 0) | (targets >= classes), (
        f"the model returns {classes} logits a sample, so that softmax_cross_entropy "
        f"wants labels from 0 to {classes - 1}, or probabilities"
    )


def _no_class_of_several(logits, targets):
    classes = logits.shape[-1]
    return (targets < 0) | (targets >= classes), (
        f"the model returns {classes} logits a position, so that "
        f"sequence_cross_entropy wants labels from 0 to {classes - 1}"
    )


def _no_sign(logit, targets):
    signs = np.any(targets == -1)
    low = -1 if signs else 0
    return (targets != low) & (targets != 1), (
        "logistic wants labels in {0, 1} or in {-1, 1}, one for each logit"
        + (", and there are -1 among these" if signs else "")
    )


def mse(prediction: Array, target: Array) -> Scalar:
    """Mean over the outputs of (z − y)². Shapes: both `(outputs...)`."""
    return jnp.mean((prediction - _as(prediction, target)) ** 2)


def half_squared_error(prediction: Array, target: Array) -> Scalar:
    """½ Σ (z − y)² over the outputs. Shapes: both `(outputs...)`."""
    return 0.5 * jnp.sum((prediction - _as(prediction, target)) ** 2)


def huber(prediction: Array, target: Array) -> Scalar:
    """Mean over the outputs of Huber's loss with δ = 1 (`optax.huber_loss`)."""
    return jnp.mean(optax.huber_loss(prediction, _as(prediction, target)))


@_wants(_no_class)
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


@_wants(_no_class_of_several)
def sequence_cross_entropy(logits: Array, target: Array) -> Scalar:
    """Mean over positions t of −log softmax(z_t)_{y_t}, of a sequence or a batch.

    **Arguments:**

    - `logits`: shape `(positions..., classes)`.
    - `target`: integer labels, of shape `(positions...)`.

    **Raises:** `ProblemError` for other shapes or labels that are not integers.
    """
    whole = jnp.issubdtype(target.dtype, jnp.integer)
    if logits.ndim < 2 or target.shape != logits.shape[:-1] or not whole:
        raise ProblemError(
            "sequence_cross_entropy wants logits of shape (positions, classes) and "
            f"integer labels of shape (positions,); got {logits.dtype} of shape "
            f"{logits.shape} and {target.dtype} of shape {target.shape}"
        )
    each = optax.softmax_cross_entropy_with_integer_labels(logits, target)
    return jnp.mean(each)


@_wants(_no_sign)
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
