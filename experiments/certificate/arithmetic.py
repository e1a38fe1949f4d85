"""The functions that a problem is written with, on two kinds of numbers.

A formula uses `+ - * / @`, integer powers, and what is here. `Floats` computes it in
JAX; `Symbols` writes it down for heyoka, with every constant at `BITS` bits.
"""

from typing import Any, Protocol

import heyoka as hy
import jax
import jax.numpy as jnp
import numpy as np

BITS = 200


class Arithmetic(Protocol):
    """Functions of arrays, entry by entry, and the sum of an array."""

    def tanh(self, z) -> Any: ...
    def exp(self, z) -> Any: ...
    def log(self, z) -> Any: ...
    def sin(self, z) -> Any: ...
    def sqrt(self, z) -> Any: ...
    def erf(self, z) -> Any: ...
    def sigmoid(self, z) -> Any: ...
    def softplus(self, z) -> Any: ...
    def relu(self, z) -> Any: ...
    def sum(self, z) -> Any: ...


class Floats:
    """JAX, in the dtype of the arrays."""

    tanh, exp, log, sin = jnp.tanh, jnp.exp, jnp.log, jnp.sin
    sqrt, erf, sum = jnp.sqrt, jax.lax.erf, jnp.sum
    sigmoid, softplus, relu = jax.nn.sigmoid, jax.nn.softplus, jax.nn.relu


def exact(number) -> hy.real:
    """A double, or a number of more bits, in `BITS` bits."""
    return hy.real(number, BITS)


@np.vectorize(otypes=[object])
def constants(number) -> hy.expression:
    """Doubles as expressions that nothing rounds."""
    return hy.expression(exact(float(number)))


class Symbols:
    """heyoka's expressions, in NumPy arrays of objects.

    **Attributes:**

    - `kinks`: the argument of every ReLU that was written, in order. Parameter i of
        the system is 1 where argument i counts as positive and 0 where not, so that
        each piece is smooth.
    """

    def __init__(self):
        self.kinks: list[hy.expression] = []

    def __getattr__(self, name):
        return np.vectorize(getattr(hy, name), otypes=[object])

    def sqrt(self, z):
        return np.vectorize(hy.sqrt, otypes=[object])(np.asarray(z, object))[()]

    def softplus(self, z):
        return self.log(1.0 + self.exp(z))

    def sum(self, z):
        return hy.sum(list(np.ravel(z)))

    def relu(self, z):
        return np.vectorize(self._piece, otypes=[object])(z)

    def _piece(self, z):
        self.kinks.append(z)
        return hy.par[len(self.kinks) - 1] * z
