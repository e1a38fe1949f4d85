"""Data of an operator between functions."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._errors import ProblemError


def antiderivative(
    sensors: int = 20,
    *,
    samples: int = 1000,
    waves: int = 4,
    seed: int = 0,
) -> tuple[Array, Array]:
    """(f, y) ↦ ∫₀^y f, the first example of Lu et al. 2021, of the same bits on every
    machine.

    f(s) = Σ_k (a_k sin πks + b_k cos πks)/k with Gaussian a and b, y uniform on [0, 1];
    the integral is exact.

    **Arguments:**

    - `sensors`: equidistant points of [0, 1] at which f is known.
    - `waves`: the number of k.

    **Returns:** `(samples, sensors + 1)`, f at the sensors and y, and `(samples, 1)`.

    **Raises:** `ProblemError` for numbers that are not positive.
    """
    for name, number in (("sensors", sensors), ("samples", samples), ("waves", waves)):
        if number < 1:
            raise ProblemError(f"{name} is above 0; got {number}", argument=name)
    random = np.random.default_rng(seed)
    k = np.pi * np.arange(1, waves + 1)
    a, b = random.standard_normal((2, samples, waves)) * np.pi / k
    y = random.uniform(0, 1, (samples, 1))
    places = np.linspace(0, 1, sensors)[:, None] * k
    f = a @ np.sin(places).T + b @ np.cos(places).T
    integral = a * (1 - np.cos(y * k)) / k + b * np.sin(y * k) / k
    total = integral.sum(axis=1, keepdims=True)
    x = np.concatenate([f, y], axis=1)
    return jnp.asarray(x, float), jnp.asarray(total, float)
