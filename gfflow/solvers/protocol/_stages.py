"""The stages of one step: where the field was evaluated, and what it was there."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..._typing import RealScalarLike, Scalar

Pair = tuple[PyTree[Array], PyTree[Array]]
Measure = Callable[["Stages", Any], PyTree[Array]]


class Stages(NamedTuple):
    """The n stages of a step that its quadrature uses: ∫g dt ≈ Σ w_i g(t_i, Y_i).

    For g = ḣ, it is what the method gives for h itself when q' = ḣ is added to the
    flow, and so has the order of the method (Hairer, Nørsett & Wanner, Solving ODEs I,
    §II.1).

    **Attributes:**

    - `times`, `weights`: t_i and w_i, the size of the step included, in flow time.
    - `unit`: a positive number u.
    - `at`: i → Y_i and u f(t_i, Y_i), the latter to round-off.
    - `together`: all of them at once, with a leading axis of n.
    """

    times: Float[Array, " n"]
    weights: Float[Array, " n"]
    unit: Scalar
    at: Callable[[Array], Pair]
    together: Callable[[], Pair]

    def seen_by(
        self, change: Callable[[RealScalarLike, PyTree[Array]], PyTree[Array]]
    ) -> "Stages":
        """These of the variables change(t, y)."""

        def one(time, state, slope) -> Pair:
            return jax.jvp(change, (time, state), (self.unit, slope))

        return Stages(
            self.times,
            self.weights,
            self.unit,
            lambda i: one(self.times[i], *self.at(i)),
            lambda: jax.vmap(one)(self.times, *self.together()),
        )

    def map(self, function: Callable[[Array, PyTree, PyTree], PyTree], most: int):
        """function(t_i, Y_i, u f(t_i, Y_i)) with a leading axis of n.

        Of all at once, or one after another where the states have over `most` bytes.
        """
        index = jnp.arange(self.times.shape[0])
        state, _ = jax.eval_shape(self.at, index[0])
        size = sum(x.size * x.dtype.itemsize for x in jtu.tree_leaves(state))
        if len(index) * size <= most:
            return jax.vmap(function)(self.times, *self.together())
        return jax.lax.map(lambda i: function(self.times[i], *self.at(i)), index)


def runge_kutta_stages(
    t0: RealScalarLike,
    t1: RealScalarLike,
    start: PyTree[Array],
    nodes: Array | np.ndarray,
    matrix: Array | np.ndarray,
    weights: Array | np.ndarray,
    increments: PyTree[Array],
    slopes: PyTree[Array],
    unit: RealScalarLike = 1.0,
    used: np.ndarray | None = None,
) -> Stages:
    """Y_i = y₀ + Σ_j a_ij d_j, and the weights b_i (t1 − t0).

    **Arguments:**

    - `nodes`, `matrix`, `weights`: c, a and b.
    - `increments`: d, like the state with a leading axis of stages.
    - `slopes`: `unit` f(Y_i), in the same way.
    - `used`: which stages the quadrature needs; by default those with b_i ≠ 0, where b
        is not traced.
    """
    if used is None:
        used = np.flatnonzero(np.asarray(weights))
    begin = jnp.asarray(t0)
    length = t1 - begin
    pick = lambda x: jnp.asarray(x, length.dtype)[used]
    rows, which = jnp.asarray(matrix)[used], jnp.asarray(used)

    def mixed(coefficients):
        def state(y, d):
            total = jnp.tensordot(coefficients.astype(d.dtype), d, axes=1)
            return jnp.broadcast_to(y, total.shape) + total

        return jtu.tree_map(state, start, increments)

    pick_slopes = lambda index: jtu.tree_map(lambda x: x[index], slopes)
    run = slice(int(used[0]), int(used[-1]) + 1)
    together = run if len(used) == run.stop - run.start else used
    return Stages(
        begin + pick(nodes) * length,
        pick(weights) * length,
        jnp.asarray(unit, length.dtype),
        lambda i: (mixed(rows[i]), pick_slopes(which[i])),
        lambda: (mixed(rows), pick_slopes(together)),
    )
