"""A prediction as a vector of real numbers."""

from collections.abc import Callable
from typing import Any, Self, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ...problem import Problem


@final
class Prediction(eqx.Module):
    """The form of a model's predictions: any pytree of real or complex arrays.

    **Attributes:**

    - `size`: of the vector; a complex number is two real ones.
    """

    size: int = eqx.field(static=True)
    _complex: tuple[bool, ...] = eqx.field(static=True)
    _structure: Any = eqx.field(static=True)
    _unravel: Callable[[Array], list[tuple[Array, ...]]] = eqx.field(static=True)

    @classmethod
    def of(cls, problem: Problem) -> Self:
        """That of a problem's model."""
        one = jtu.tree_map(lambda a: a[0], problem.present[0])
        shape = jax.eval_shape(problem.model, one)
        leaves, structure = jtu.tree_flatten(shape)
        zeros = [jnp.zeros(leaf.shape, leaf.dtype) for leaf in leaves]
        flat, unravel = ravel_pytree(_real(zeros))
        kinds = tuple(jnp.iscomplexobj(leaf) for leaf in zeros)
        return cls(flat.size, kinds, structure, unravel)

    def vector(self, prediction: Any) -> Float[Array, " outputs"]:
        """Its entries in order."""
        return ravel_pytree(_real(jtu.tree_leaves(prediction)))[0]

    def tree(self, vector: Float[Array, " outputs"]) -> Any:
        """The prediction of these entries."""
        parts = self._unravel(vector)
        leaves = [
            jax.lax.complex(*part) if is_complex else part[0]
            for part, is_complex in zip(parts, self._complex)
        ]
        return jtu.tree_unflatten(self._structure, leaves)


def _real(leaves: list[Array]) -> list[tuple[Array, ...]]:
    return [(a.real, a.imag) if jnp.iscomplexobj(a) else (a,) for a in leaves]
