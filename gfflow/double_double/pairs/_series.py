"""Power series in loops: a program holds one term, however many there are."""

import jax.numpy as jnp
from jax import lax

from ._arithmetic import add_smaller, multiply
from ._fixed_pair import FixedPair
from ._pair import Pair


def polynomial(coefficients: FixedPair, x: Pair) -> Pair:
    """Σ_k c_k x^k by Horner's rule, lowest power first, where each term is at most half
    of the one before.

    **Arguments:**

    - `coefficients`: shape `(terms,)`.
    - `x`: any shape; so is what is returned.
    """
    hi, lo = jnp.asarray(coefficients.hi), jnp.asarray(coefficients.lo)
    terms = hi.size

    def coefficient(index):
        return Pair(jnp.full_like(x.hi, hi[index]), jnp.full_like(x.hi, lo[index]))

    def step(index, total):
        return add_smaller(coefficient(terms - 2 - index), multiply(total, x))

    return lax.fori_loop(0, terms - 1, step, coefficient(terms - 1))


def repeated(times: int, step, start: Pair) -> Pair:
    """`step` applied a number of times."""
    return lax.fori_loop(0, times, lambda _, x: step(x), start)


def full_like(x: Pair, value: FixedPair) -> Pair:
    """One number at every entry."""
    return Pair(jnp.full_like(x.hi, value.hi), jnp.full_like(x.hi, value.lo))
