"""What the gradients of data add to the motion."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from ._flat_loss import FlatLoss
from ._flat_state import Vector
from ._pairing import Pairing
from ._response import Response

Datum = PyTree[Array]


@final
class Field(eqx.Module):
    """(z, datum) → what the gradient of a datum adds to dz/dt; where the flow is not
    affine in the gradient, what that of the sum of several adds.

    A datum is (the arrays that count as data, c, what `Pairing` takes): the gradient is
    that of θ ↦ pairing(cθ, …).

    **Attributes:**

    - `by_loss`: see `Pairing`.
    """

    response: Response
    loss: FlatLoss
    by_loss: bool = eqx.field(static=True)

    def __call__(self, z: Vector, datum: Datum) -> Vector:
        others, c, data = datum
        parameters, respond = self.response.at(z, others)
        pairing = Pairing(self.response.problem, self.loss, self.by_loss)
        scaled = lambda p: jtu.tree_map(lambda a: c * a, p)
        flat = lambda response: self.response.state.flat(response, 0.0)
        if self.response.flow.affine:
            gradient = jax.grad(lambda p: pairing(scaled(p), data))(parameters)
            return flat(jax.jvp(respond, (gradient,), (gradient,))[1])
        one = lambda p, datum: pairing(scaled(p), datum)
        several = lambda p: jnp.sum(jax.vmap(lambda datum: one(p, datum))(data))
        gradient = jax.grad(several)(parameters)
        still = jtu.tree_map(jnp.zeros_like, gradient)
        pushed, free = (flat(respond(g)) for g in (gradient, still))
        return pushed - free
