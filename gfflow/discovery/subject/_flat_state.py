"""The arrays of a state as one vector."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float

from ..._typing import Scalar, ScalarLike, State

Vector = Float[Array, " S"]


@final
class FlatState(eqx.Module):
    """The arrays of a flow's state whose laws are wanted, as one vector z `(S,)`.

    z holds their entries in C order; before them the time, for a flow that moves
    without a gradient. The other arrays count as data.

    **Attributes:**

    - `chosen`: of each array of the state, whether its laws are wanted.
    - `timed`: whether time is the first entry.
    - `rest`: the other arrays, at the start.
    """

    chosen: tuple[bool, ...] = eqx.field(static=True)
    timed: bool = eqx.field(static=True)
    rest: list[Array]
    _structure: Any = eqx.field(static=True)
    _unravel: Callable[[Array], list[Array]] = eqx.field(static=True)

    def __init__(self, state: State, chosen: Sequence[bool], timed: bool):
        """**Arguments:** `state`: at the start."""
        leaves, self._structure = jtu.tree_flatten(state)
        self.chosen = tuple(chosen)
        self.timed = timed
        self.rest = [leaf for leaf, c in zip(leaves, chosen) if not c]
        self._unravel = eqx.filter_eval_shape(ravel_pytree, self.pick(leaves))[1]

    def pick(self, values: Sequence[Any]) -> list[Any]:
        """Those of the chosen arrays, of values for each array of the state."""
        return [value for value, c in zip(values, self.chosen) if c]

    def time(self, z: Vector) -> Scalar:
        """t, or 0 where the flow does not know it."""
        return z[0] if self.timed else jnp.asarray(0.0)

    def tree(self, z: Vector, others: Sequence[Array]) -> State:
        """The state at z, with these for the arrays that are not chosen."""
        own, rest = iter(_split(self._unravel, self.timed, z)), iter(others)
        each = [next(own) if c else next(rest) for c in self.chosen]
        return jtu.tree_unflatten(self._structure, each)

    def flat(self, tree: State, first: ScalarLike) -> Vector:
        """The vector of a tree like the state, `first` in the place of time."""
        return _joined(self.pick(jtu.tree_leaves(tree)), first if self.timed else None)

    def start(self, state: State) -> np.ndarray:
        """z there, at time 1."""
        return np.asarray(self.flat(state, 1.0))


# Compiled where a state is moved by itself, since that takes a dozen operations.
@partial(jax.jit, static_argnums=(0, 1), inline=True)
def _split(unravel: Callable[[Array], list[Array]], timed: bool, z: Vector):
    return unravel(z[1:] if timed else z)


@partial(jax.jit, inline=True)
def _joined(arrays: list[Array], first: ScalarLike | None) -> Vector:
    vector = ravel_pytree(arrays)[0]
    if first is None:
        return vector
    return jnp.concatenate([jnp.full(1, first), vector])
