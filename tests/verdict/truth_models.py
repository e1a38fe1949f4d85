"""Models of the truth corpus that gfflow does not ship: a user would write these."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np


def numbers(seed, *shape):
    return np.random.default_rng(seed).standard_normal(shape)


def normal(seed, *shape, scale=1.0):
    return jnp.asarray(scale * numbers(seed, *shape))


class SwiGLU(eqx.Module):
    """A (silu(Bx) ∘ Cx)."""

    outer: jax.Array
    gate: jax.Array
    linear: jax.Array

    def __init__(self):
        self.outer = normal(1, 2, 4, scale=0.7)
        self.gate, self.linear = normal(2, 4, 3), normal(3, 4, 3, scale=0.8)

    def __call__(self, x):
        return self.outer @ (jax.nn.silu(self.gate @ x) * (self.linear @ x))


class Normalised(eqx.Module):
    """A fixed readout of LayerNorm(Wx), the variance taken as var + eps."""

    weight: jax.Array
    readout: jax.Array
    eps: jax.Array

    def __init__(self, eps, units=5):
        self.weight, self.readout = normal(4, units, 3), normal(5, 2, units)
        self.eps = jnp.asarray(eps)

    def __call__(self, x):
        z = self.weight @ x
        centred = z - jnp.mean(z)
        return self.readout @ (centred / jnp.sqrt(jnp.mean(centred**2) + self.eps))


class Attention(eqx.Module):
    """One softmax attention head on a sequence of shape (tokens, width)."""

    query: jax.Array
    key: jax.Array
    value: jax.Array
    output: jax.Array

    def __init__(self, width=3, inner=2):
        self.query, self.key = normal(6, inner, width), normal(7, inner, width)
        self.value, self.output = normal(8, inner, width), normal(9, inner, width)

    def __call__(self, x):
        scores = (x @ self.query.T) @ (x @ self.key.T).T
        return jax.nn.softmax(scores, axis=-1) @ (x @ self.value.T) @ self.output


class Embedded(eqx.Module):
    """An MLP on the embedding of one token."""

    embedding: eqx.nn.Embedding
    mlp: eqx.Module

    def __call__(self, token):
        return self.mlp(self.embedding(token))


class HalfPrecise(eqx.Module):
    """A ReLU network that computes in single precision whatever it is given."""

    first: jax.Array
    second: jax.Array

    def __init__(self):
        self.first, self.second = normal(10, 4, 3), normal(11, 2, 4)

    def __call__(self, x):
        single = lambda a: a.astype(jnp.float32)
        hidden = jax.nn.relu(single(self.first) @ single(x))
        return (single(self.second) @ hidden).astype(self.first.dtype)


class Unused(eqx.Module):
    """A linear map beside a parameter that nothing depends on."""

    weight: jax.Array
    spare: jax.Array

    def __init__(self):
        self.weight, self.spare = normal(12, 2, 3), normal(13, 4)

    def __call__(self, x):
        return self.weight @ x


class CosineLoss(eqx.Module):
    """1 − cos(z, y): the derivative in z is orthogonal to z."""

    def __call__(self, prediction, target):
        size = jnp.sqrt(jnp.sum(prediction**2) * jnp.sum(target**2))
        return 1.0 - jnp.sum(prediction * target) / size
