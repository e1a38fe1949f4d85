"""How a flow moves without a gradient."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import jax.tree_util as jtu

from ._flat_state import Vector
from ._response import Response


@final
class Drift(eqx.Module):
    """z → dz/dt where the gradient is 0, at the rate 1 of time."""

    response: Response

    def __call__(self, z: Vector) -> Vector:
        state = self.response.state
        parameters, respond = self.response.at(z, state.rest)
        return state.flat(respond(jtu.tree_map(jnp.zeros_like, parameters)), 1.0)
