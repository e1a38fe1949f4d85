"""Gaussian inputs with the targets of a random teacher."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._registry import lookup


def teacher_student(
    inputs: int,
    *,
    samples: int = 1000,
    teacher_units: int = 4,
    outputs: int = 1,
    activation: str = "softplus",
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Array, Array]:
    """x ~ N(0, I), y = A σ(Bx + c) + noise·N(0, I), of the same bits on every machine.

    The teacher has entries of B from N(0, 1/inputs), of c from N(0, 1/4), of A from
    N(0, 1/teacher_units).

    **Returns:** x of shape `(samples, inputs)`, y of shape `(samples, outputs)`, in
    JAX's default precision.
    """
    random = np.random.default_rng(seed)
    x = random.standard_normal((samples, inputs))
    b = random.standard_normal((teacher_units, inputs)) / np.sqrt(inputs)
    c = random.standard_normal(teacher_units) / 2
    a = random.standard_normal((outputs, teacher_units)) / np.sqrt(teacher_units)
    error = noise * random.standard_normal((samples, outputs))
    sigma = lookup("activations", activation)
    x, b, c, a, error = (jnp.asarray(part, float) for part in (x, b, c, a, error))
    hidden = jax.vmap(lambda sample: sigma(b @ sample + c))(x)
    return x, hidden @ a.T + error
