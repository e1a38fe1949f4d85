"""Models with kinks and without, each of three inputs and two outputs."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax, nn

import gfflow as gf
from gfflow.kinks import Gates

WIDTH, SAMPLES = 4, 3


class Case(NamedTuple):
    """A model, and the numbers of kinks: of each sample, and shared by all."""

    apply: object
    own: int
    shared: int = 0
    loss: object = "mse"


def hidden(activation):
    return lambda p, x: p["out"] @ activation(p["in"] @ x)


def recurrent(p, x):
    def step(h, part):
        return nn.relu(p["inner"] @ h + p["in"][:, 0] * part), None

    return p["out"] @ lax.scan(step, jnp.ones(WIDTH), x)[0]


def nested(p, x):
    def outer(h, _):
        step = lambda h, part: (nn.relu(p["inner"] @ h + p["in"][:, 0] * part), None)
        return lax.scan(step, h, x)[0], None

    return p["out"] @ lax.scan(outer, jnp.ones(WIDTH), None, length=2)[0]


def chosen(p, x):
    z = p["in"] @ x
    return p["out"] @ z * lax.cond(z[0] > 0, jnp.sin, jnp.cos, z[1])


def wide(z):
    return jnp.broadcast_to(z, (WIDTH,))


def pooled(z):
    return wide(jnp.sum(lax.reduce_window(z, -jnp.inf, lax.max, (2,), (1,), "VALID")))


def least(z):
    return wide(jnp.sum(lax.reduce_window(z, jnp.inf, lax.min, (2,), (2,), "VALID")))


def two(p, x):
    return p["out"] @ nn.relu(p["inner"] @ nn.relu(p["in"] @ x))


def remembered(p, x):
    return p["out"] @ jax.checkpoint(lambda x: nn.relu(p["in"] @ x))(x)


def detached(z):
    return jnp.where(lax.stop_gradient(z) > 0, z, 0.1 * z)


def masked(z):
    return ((z > 0) & ~(z > 1)).astype(int).astype(z.dtype)


def huber(prediction, target):
    r = jnp.abs(prediction - target)
    return jnp.sum(jnp.where(r < 1, r**2 / 2, r - 0.5))


CASES = {
    "relu": Case(hidden(nn.relu), 4),
    "leaky relu": Case(hidden(nn.leaky_relu), 4),
    "elu": Case(hidden(nn.elu), 4),
    "celu": Case(hidden(nn.celu), 4),
    "selu": Case(hidden(nn.selu), 4),
    "relu6": Case(hidden(nn.relu6), 8),
    "hard tanh": Case(hidden(nn.hard_tanh), 8),
    "abs": Case(hidden(jnp.abs), 4),
    "clip": Case(hidden(lambda z: jnp.clip(z, -1, 0.5)), 8),
    "clamp on one side": Case(hidden(lambda z: lax.clamp(-jnp.inf, z, 0.5)), 4),
    "pooling": Case(hidden(pooled), 3),
    "pooling of the least": Case(hidden(least), 2),
    "sort": Case(hidden(jnp.sort), 5),
    "running maximum": Case(hidden(lax.cummax), 5),
    "maximum": Case(hidden(lambda z: wide(jnp.max(z))), 3),
    "maxout": Case(hidden(lambda z: jnp.repeat(jnp.max(z.reshape(2, 2), 1), 2)), 2),
    "where": Case(hidden(lambda z: jnp.where(z > 0.3, z**2, jnp.sin(z))), 4),
    "mask": Case(hidden(lambda z: (z > 0).astype(z.dtype) * z), 4),
    "masks": Case(hidden(lambda z: z * masked(z)), 8),
    "any": Case(hidden(lambda z: jnp.where(jnp.any(z > 1), z, z**2)), 4),
    "cond": Case(chosen, 1),
    "detached": Case(hidden(detached), 4),
    "checkpoint": Case(remembered, 4),
    "two layers": Case(two, 8),
    "recurrent": Case(recurrent, 12),
    "nested loops": Case(nested, 24),
    "huber": Case(hidden(jnp.tanh), 2, loss=huber),
    "of parameters": Case(lambda p, x: p["out"] @ (jnp.abs(p["in"]) @ x), 0, 12),
    "both": Case(lambda p, x: nn.relu(p["out"]) @ nn.relu(p["in"] @ x), 4, 8),
}
SMOOTH = {
    "softplus": hidden(nn.softplus),
    "logsumexp": hidden(lambda z: wide(nn.logsumexp(z))),
    "softmax": hidden(nn.softmax),
    "gelu": hidden(nn.gelu),
    "norm": hidden(lambda z: z / jnp.maximum(jnp.linalg.norm(z), 1e-6)),
}


def parameters(seed: int = 3, dtype=None):
    """Random ones."""
    keys = jax.random.split(jax.random.key(seed), 3)
    shapes = {"in": (WIDTH, 3), "inner": (WIDTH, WIDTH), "out": (2, WIDTH)}
    draw = lambda key, shape: jax.random.normal(key, shape, dtype)
    return {name: draw(key, shapes[name]) for name, key in zip(shapes, keys)}


def problem(apply, loss="mse", **more) -> gf.Problem:
    """Of such a model, on random data."""
    keys = jax.random.split(jax.random.key(0))
    x, y = (jax.random.normal(k, (SAMPLES, n)) for k, n in zip(keys, (3, 2)))
    return gf.Problem.from_function(apply, parameters(), loss, (x, y), **more)


def numbers(gates: Gates) -> Gates:
    """Gates that are numbers."""
    return Gates(*(gate.astype(float) for gate in gates))
