"""A polynomial in the parameters as a `Law`."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._grammar import degree_name
from .._parameters import named_parameters
from ..flows import AbstractFlow
from ..laws import Law
from ..laws._decay import stated_decay
from ._polynomial import Layout, Polynomial

_SOURCE = "found by discover"


def polynomial_law(
    polynomial: Polynomial, layout: Layout, name: str, flow: AbstractFlow
) -> Law:
    """The law h = polynomial, homogeneous if the flow has weight decay, when it states
    that it decays."""
    return Law(
        _Value(polynomial, layout, False),
        name,
        degree=degree_name(polynomial.degree),
        absolute=_Value(polynomial, layout, True),
        decay_rate=stated_decay(flow, polynomial.degree),
        source=_SOURCE,
    )


class _Value(eqx.Module):
    """Σ coefficient · Π factors; `absolute` with |coefficient|."""

    paths: tuple[str, ...] = eqx.field(static=True)
    factors: np.ndarray
    coefficients: np.ndarray

    def __init__(self, polynomial: Polynomial, layout: Layout, absolute: bool):
        arrays = sorted({layout.locate(i)[0] for i in polynomial.support})
        self.paths = tuple(layout.names[a] for a in arrays)
        starts = np.cumsum([0, *(layout.sizes[a] for a in arrays)])
        size = int(starts[-1])
        places = {
            layout.offsets[a] + k: int(start) + k
            for a, start in zip(arrays, starts)
            for k in range(layout.sizes[a])
        }
        width = max(1, polynomial.degree)
        rows = [
            [*(places[i] for i in m), *(size,) * (width - len(m))]
            for m in polynomial.terms
        ]
        self.factors = np.asarray(rows, np.int32).reshape(-1, width)
        values = [float(c) for c in polynomial.terms.values()]
        self.coefficients = np.abs(values) if absolute else np.asarray(values)

    def __call__(self, view) -> Float[Array, ""]:
        parameters = named_parameters(view)
        flat = [jnp.ravel(parameters[path]) for path in self.paths]
        dtype = jnp.result_type(*flat)
        flat = jnp.concatenate([*flat, jnp.ones(1, dtype)])
        terms = jnp.prod(flat[self.factors], axis=1)
        return jnp.sum(jnp.asarray(self.coefficients, dtype) * terms)
