"""A weight decay that depends on time, for weight_decay.toml."""

import jax.numpy as jnp


def warm_up(t):
    """λ(t) = tanh t, per flow time."""
    return jnp.tanh(t)
