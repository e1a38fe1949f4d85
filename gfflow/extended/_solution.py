"""What an integration in extended precision gives."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from .._typing import State
from ..double_double import Pair, pairs
from ..integrate import Status, status_name


@final
class ExtendedValues(eqx.Module):
    """A law along a solution.

    **Attributes:**

    - `values`: a pair of arrays `(T, *shape of h)`: h(t), times e^{λ(t − t₀)} where the
        law states a decay of rate λ.
    - `scale`: float64 `(T, *shape of h)`: the size of the terms that h is the sum of.
    """

    values: Pair
    scale: Float[Array, "T ..."]

    @property
    def drift(self) -> Float[Array, "T ..."]:
        """(h(t) − h(t₀)) / scale, the difference taken in double-double arithmetic, the
        scale the largest along the rows. It has no unit; round-off is some 1e-31. Of a
        law that states a production it is the change, not what is left unexplained."""
        first = Pair(*(jnp.broadcast_to(p[:1], p.shape) for p in self.values))
        change = pairs.subtract(self.values, first).hi
        scale = jnp.max(self.scale, axis=0, keepdims=True)
        return jnp.where(change == 0, 0.0, change / jnp.where(change == 0, 1.0, scale))


@final
class ExtendedSolution(eqx.Module):
    """A flow integrated in double-double arithmetic.

    A pair stands for hi + lo, two float64 arrays of one shape: some 32 digits. The T
    rows are the saved times, t₀ the first of them; inside `jit`, rows that were not
    reached are not numbers, on the host they are left out.

    **Attributes:**

    - `ts`: float64 `(T,)`, flow time.
    - `states`: the states, a pytree like the flow's whose leaves are pairs of arrays
        `(T, ...)`.
    - `losses`: a pair of arrays `(T,)`.
    - `laws`: name → `ExtendedValues`.
    - `accepted`, `rejected`: numbers of steps, of 25 evaluations of the field at twelve
        states each.
    - `status`: how it ended.
    """

    ts: Float[Array, " T"]
    states: State
    losses: Pair
    laws: dict[str, ExtendedValues]
    accepted: Int[Array, ""]
    rejected: Int[Array, ""]
    status: Status

    @property
    def status_name(self) -> str:
        """The name of a concrete status, such as `"successful"`."""
        return status_name(self.status)
