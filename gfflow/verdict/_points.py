"""Times and states at which laws are looked at, all of them by one program."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple, final

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import PyTree

from .._typing import State

# Places of one program, and numbers that it is given or finds, 256 MB of them.
_WIDTH, _AT_ONCE = 8, 2**25


@final
class Points(NamedTuple):
    """P times, and the state at each.

    - `ts`: shape `(P,)`, flow time.
    - `states`: each array with a leading axis of P.
    - `data`: inputs, targets and weights of a problem at each, in the same way; `None`
      where it is the problem as it is.
    """

    ts: Any
    states: PyTree
    data: Any = None

    @classmethod
    def of(cls, ts, states, data=None) -> "Points":
        """From one time, state and data each; arrays are taken to the host."""
        return cls(
            np.asarray(ts),
            jtu.tree_map(lambda *xs: np.stack(xs), *states),
            None if data is None else jtu.tree_map(_stacked, *data),
        )

    def state(self, index: int) -> State:
        """One of the states, on the host."""
        return jtu.tree_map(lambda x: np.asarray(x[index]), self.states)

    def at(self, index: int | slice | np.ndarray) -> "Points":
        """Some of them, or one."""
        return jtu.tree_map(lambda x: x[index], self)


def _stacked(*xs):
    are_keys = jnp.issubdtype(xs[0].dtype, jax.dtypes.prng_key)
    return jnp.stack(xs) if are_keys else np.stack(xs)


def at_each(
    program: Callable[[Any], Any], places: PyTree, found: int = 0
) -> PyTree[np.ndarray]:
    """What a program finds at places, arrays with the places leading; on the host.

    It is called on 8 of them at once, the last one repeated to make up for those that
    lack; on one after another where they are large.

    **Arguments:**

    - `found`: how many numbers the program finds at a place, beside those of the place.
    """
    leaves = jtu.tree_leaves(places)
    count = len(leaves[0])
    size = found + sum(math.prod(x.shape[1:]) for x in leaves)
    width = _WIDTH if _WIDTH * size <= _AT_ONCE else 1
    parts = []
    for first in range(0, count, width):
        index = np.minimum(np.arange(first, first + width), count - 1)
        part = jax.device_put(jtu.tree_map(lambda x: x[index], places))
        parts.append(jtu.tree_map(np.asarray, program(part)))
    return jtu.tree_map(lambda *xs: np.concatenate(xs)[:count], *parts)
