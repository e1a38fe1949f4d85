"""The stages of one step: where the field was evaluated, and what it was there."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..._typing import RealScalarLike

Index = Any


class Stages(NamedTuple):
    """The n stages of a step that its quadrature uses: ∫g dt ≈ Σ w_i g(t_i, Y_i).

    For g = ḣ, it is what the method gives for h itself when q' = ḣ is added to the
    flow, and so has the order of the method (Hairer, Nørsett & Wanner, Solving ODEs I,
    §II.1).

    **Attributes:**

    - `times`, `weights`: t_i and w_i, the size of the step included, in flow time.
    - `state`: i → Y_i.
    - `slope`: i → f(t_i, Y_i), per unit of flow time, to round-off. A stage is computed
        when it is asked for: no solver holds more copies of the state for it than it
        says.
    """

    times: Float[Array, " n"]
    weights: Float[Array, " n"]
    state: Callable[[Index], PyTree[Array]]
    slope: Callable[[Index], PyTree[Array]]

    @property
    def number(self) -> int:
        """n."""
        return self.times.shape[0]

    def seen_by(
        self, change: Callable[[RealScalarLike, PyTree[Array]], PyTree[Array]]
    ) -> "Stages":
        """These of the variables change(t, y)."""

        def seen(i):
            time = self.times[i]
            return jax.jvp(
                change, (time, self.state(i)), (jnp.ones_like(time), self.slope(i))
            )

        return Stages(
            self.times, self.weights, lambda i: seen(i)[0], lambda i: seen(i)[1]
        )


Measure = Callable[[Stages, Any], PyTree[Array]]


def runge_kutta_stages(
    t0: RealScalarLike,
    t1: RealScalarLike,
    start: PyTree[Array],
    nodes: Array | np.ndarray,
    matrix: Array | np.ndarray,
    weights: Array | np.ndarray,
    increments: PyTree[Array],
    slope: Callable[[Index], PyTree[Array]],
    used: np.ndarray | None = None,
) -> Stages:
    """Y_i = y₀ + Σ_j a_ij d_j, and the weights b_i (t1 − t0).

    **Arguments:**

    - `nodes`, `matrix`, `weights`: c, a and b.
    - `increments`: d, like the state with a leading axis of stages.
    - `slope`: i → f(Y_i) of all stages.
    - `used`: which of them the quadrature needs; by default those with b_i ≠ 0, where
        b is not traced.
    """
    if used is None:
        used = np.flatnonzero(np.asarray(weights))
    length = jnp.asarray(t1) - t0
    pick = lambda x: jnp.asarray(x, length.dtype)[used]
    rows = jnp.asarray(matrix)[used]
    which = jnp.asarray(used)

    def state(i):
        mix = lambda y, d: y + jnp.tensordot(rows[i].astype(d.dtype), d, axes=1)
        return jtu.tree_map(mix, start, increments)

    return Stages(
        t0 + pick(nodes) * length,
        pick(weights) * length,
        state,
        lambda i: slope(which[i]),
    )
