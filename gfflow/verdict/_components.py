"""The components of all laws, as one vector."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._precision import coarsest_in
from .._typing import Scalar, State
from ..flows import AbstractFlow
from ..laws import Law, law_scale
from ..problem import Problem


def components(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law]
) -> Callable[[Scalar, State], Float[Array, " C"]]:
    """(t, state) → the values of all laws, flattened and one after another."""

    def values(t, state):
        seen = flow.view(state, problem)
        return jnp.concatenate([_flat(law(t, seen)) for law in laws.values()])

    return values


def component_scales(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], t: Scalar, state: State
) -> Float[Array, " C"]:
    """The scale of each of them."""
    view = lambda s: flow.view(s, problem)
    scales = [law_scale(law, view, t, state) for law in laws.values()]
    return jnp.concatenate([_flat(scale) for scale in scales])


def component_slices(
    flow: AbstractFlow, problem: Problem, laws: dict[str, Law], t: Scalar, state: State
) -> tuple[dict[str, slice], dict[str, float]]:
    """Law name → where its components are, and the coarsest precision inside of it."""
    slices, precisions, first = {}, {}, 0
    for name, law in laws.items():
        value = lambda t, s, law=law: _flat(law(t, flow.view(s, problem)))
        program, shape, _ = eqx.filter_make_jaxpr(value)(t, state)
        slices[name] = slice(first, first + shape.size)
        precisions[name] = coarsest_in(program)
        first += shape.size
    return slices, precisions


def decay_rates(laws: dict[str, Law], slices: dict[str, slice]) -> np.ndarray:
    """The decay that each component states; 0 where its law states none."""
    rate = lambda law: 0.0 if law.decay_rate is None else float(law.decay_rate)
    count = [s.stop - s.start for s in slices.values()]
    return np.repeat([rate(law) for law in laws.values()], count)


def _flat(x) -> Array:
    return jnp.ravel(x).astype(float)
