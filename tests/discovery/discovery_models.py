"""Models whose laws are known: one a row of the table in tests/README.md."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp


class Function(eqx.Module):
    """A model from named arrays and a function of them and x."""

    arrays: dict
    function: Callable = eqx.field(static=True)

    def __call__(self, x):
        return self.function(x, **self.arrays)


def of_shapes(function: Callable, seed: int = 0, **shapes) -> Function:
    """Gaussian arrays of these shapes."""
    keys = jax.random.split(jax.random.key(seed), len(shapes))
    arrays = {
        name: jax.random.normal(key, shape)
        for key, (name, shape) in zip(keys, shapes.items())
    }
    return Function(arrays, function)


def swiglu(inputs: int, hidden: int, outputs: int):
    """A (silu(Bx) ∘ Cx)."""
    function = lambda x, A, B, C: A @ (jax.nn.silu(B @ x) * (C @ x))
    shapes = {"A": (outputs, hidden), "B": (hidden, inputs), "C": (hidden, inputs)}
    return of_shapes(function, **shapes)


def attention(dim: int, width: int, heads: int = 1):
    """softmax(xQᵀKxᵀ) x VᵀO, summed over heads; arrays (heads, dim, width)."""

    def function(x, Q, K, V, O):
        def head(q, k, v, o):
            scores = jax.nn.softmax((x @ q.T) @ (x @ k.T).T, axis=-1)
            return scores @ (x @ v.T) @ o

        return jnp.sum(jax.vmap(head)(Q, K, V, O), axis=0)

    shape = (heads, dim, width)
    return of_shapes(function, Q=shape, K=shape, V=shape, O=shape)


def rotary_attention(dim: int, width: int, tokens: int):
    """Queries and keys turned by angles that grow with the position."""

    def turned(z):
        places, speeds = jnp.arange(float(tokens)), 0.3 + jnp.arange(dim / 2)
        angles = places[:, None] * speeds[None]
        a, b = z[:, ::2], z[:, 1::2]
        c, s = jnp.cos(angles), jnp.sin(angles)
        return jnp.stack([a * c - b * s, a * s + b * c], axis=-1).reshape(tokens, dim)

    def function(x, Q, K, V, O):
        scores = jax.nn.softmax(turned(x @ Q.T) @ turned(x @ K.T).T, axis=-1)
        return scores @ (x @ V.T) @ O

    shape = (dim, width)
    return of_shapes(function, Q=shape, K=shape, V=shape, O=shape)


def convolution(channels: int, kernel: int, activation: Callable, inputs: int = 2):
    """Two one-dimensional convolutions, `inputs` channels in, one out."""

    def conv(x, w):
        return jax.lax.conv_general_dilated(x[None], w, (1,), "VALID")[0]

    function = lambda x, A, B: conv(activation(conv(x, A)), B)
    shapes = {"A": (channels, inputs, kernel), "B": (1, channels, kernel)}
    return of_shapes(function, **shapes)


def residual(width: int, hidden: tuple[int, ...]):
    """x + U relu(V x), block after block."""

    def function(x, **arrays):
        for k in range(len(hidden)):
            x = x + arrays[f"U{k}"] @ jax.nn.relu(arrays[f"V{k}"] @ x)
        return x

    shapes = {}
    for k, h in enumerate(hidden):
        shapes |= {f"U{k}": (width, h), f"V{k}": (h, width)}
    return of_shapes(function, **shapes)


def normalised(z, centred: bool, epsilon: float):
    """LayerNorm (centred) or RMSNorm, without parameters."""
    z = z - jnp.mean(z) if centred else z
    return z / jnp.sqrt(jnp.mean(z**2) + epsilon)


def normalised_layer(outputs: int, inputs: int, centred: bool, epsilon: float = 0.0):
    """LayerNorm(Wx) or RMSNorm(Wx)."""
    function = lambda x, W: normalised(W @ x, centred, epsilon)
    return of_shapes(function, W=(outputs, inputs))


def normalised_block(units: int, inputs: int, outputs: int):
    """A relu(γ LayerNorm(Wx) + β)."""

    def function(x, A, W, g, b):
        return A @ jax.nn.relu(g * normalised(W @ x, True, 0.0) + 0.2 * b)

    shapes = {"A": (outputs, units), "W": (units, inputs), "g": (units,)}
    return of_shapes(function, **shapes, b=(units,))


def batch_normalised_block(units: int, inputs: int, outputs: int):
    """A relu(γ BatchNorm(Wx + b) + β), one input a whole batch `(batch, inputs)`."""

    def function(x, A, W, b, g, c):
        unit = lambda w, b, g, c: jax.nn.relu(g * standard(x @ w + b) + 0.2 * c)
        return jax.vmap(unit)(W, b, g, c).T @ A.T

    def standard(z):
        return (z - jnp.mean(z)) / jnp.std(z)

    shapes = {"A": (outputs, units), "W": (units, inputs), "b": (units,)}
    return of_shapes(function, **shapes, g=(units,), c=(units,))
