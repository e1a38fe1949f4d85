"""A polynomial in the parameters as a `Law`."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ...flows import AbstractFlow, Clock
from ...laws import Law, decaying, degree_name
from ...problem import named_parameters
from ..polynomials import Layout, Polynomial

_SOURCE = "found by discover"


def polynomial_law(
    polynomial: Polynomial,
    layout: Layout,
    name: str,
    flow: AbstractFlow,
    clock: Clock = (),
) -> Law:
    """The law h = polynomial, homogeneous if the flow has weight decay, when it states
    that it decays.

    **Arguments:**

    - `clock`: the functions of time that the first variables of the layout are.
    """
    times = len(clock)
    degree = max(sum(i >= times for i in m) for m in polynomial.terms)
    law = Law(
        _Value(polynomial, layout, clock, False),
        name,
        degree=degree_name(degree),
        absolute=_Value(polynomial, layout, clock, True),
        source=_SOURCE,
    )
    return decaying(law, flow, degree)


class _Value(eqx.Module):
    """Σ coefficient · Π factors; `absolute` with |coefficient|."""

    times: tuple[Callable, ...]
    paths: tuple[str, ...] = eqx.field(static=True)
    factors: np.ndarray
    coefficients: np.ndarray

    def __init__(self, polynomial: Polynomial, layout: Layout, clock, absolute: bool):
        arrays = sorted({layout.locate(i)[0] for i in polynomial.support})
        arrays = [a for a in arrays if a >= len(clock)]
        self.times = tuple(function for _, function in clock)
        self.paths = tuple(layout.names[a] for a in arrays)
        counts = [len(clock), *(layout.sizes[a] for a in arrays)]
        starts = np.cumsum(counts).tolist()
        places = dict(zip(range(len(clock)), range(len(clock)))) | {
            layout.offsets[a] + k: start + k
            for a, start in zip(arrays, starts)
            for k in range(layout.sizes[a])
        }
        width = max(1, polynomial.degree)
        rows = [
            [*(places[i] for i in m), *(starts[-1],) * (width - len(m))]
            for m in polynomial.terms
        ]
        self.factors = np.asarray(rows, np.int32).reshape(-1, width)
        values = [float(c) for c in polynomial.terms.values()]
        self.coefficients = np.abs(values) if absolute else np.asarray(values)

    def __call__(self, t, view) -> Float[Array, ""]:
        parameters = named_parameters(view)
        arrays = [jnp.ravel(parameters[path]) for path in self.paths]
        dtype = jnp.result_type(*arrays)
        times = [jnp.asarray(f(t), dtype).reshape(1) for f in self.times]
        flat = jnp.concatenate([*times, *arrays, jnp.ones(1, dtype)])
        terms = jnp.prod(flat[self.factors], axis=1)
        return jnp.sum(jnp.asarray(self.coefficients, dtype) * terms)
