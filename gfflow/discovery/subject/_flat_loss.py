"""The loss of a prediction that is a flat vector."""

from collections.abc import Callable
from typing import Any, Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ..._typing import Loss, Scalar
from ...problem import Problem
from ._real_parts import from_real_parts, real_parts


@final
class FlatLoss(eqx.Module):
    """ℓ(z, y) for z `(outputs,)`, the entries of a prediction in order; of complex
    arrays the real parts, then the imaginary ones."""

    loss: Loss
    outputs: int = eqx.field(static=True)
    _unflatten: Callable[[Array], Any] = eqx.field(static=True)

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """That of a problem."""
        one = jtu.tree_map(lambda a: a[0], problem.inputs)
        shape = jax.eval_shape(problem.model, one)
        zeros = jtu.tree_map(lambda s: jnp.zeros(s.shape, s.dtype), shape)
        flat, unravel = ravel_pytree(real_parts(zeros))
        unflatten = lambda z: from_real_parts(unravel(z), shape)
        return cls(problem.loss, flat.size, unflatten)

    def __call__(self, z: Float[Array, " outputs"], y: Any) -> Scalar:
        return self.loss(self._unflatten(z), y)
