"""Systems with a closed form or another integrator's answer: see tests/README.md."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf


class Product(eqx.Module):
    """x ↦ uvx, the smallest network with a conservation law."""

    u: jax.Array
    v: jax.Array

    def __init__(self, u, v, dtype=float):
        self.u, self.v = jnp.asarray(u, dtype), jnp.asarray(v, dtype)

    def __call__(self, x):
        return self.u * self.v * x


def product_problem(u=1.3, v=0.4, target=2.0, dtype=float, **options):
    """L = ½(uv − a)² by one sample x = 1."""
    data = jnp.ones(1, dtype), jnp.full(1, target, dtype)
    return gf.Problem(Product(u, v, dtype), "half_squared_error", data, **options)


def product_solution(t, u=1.3, v=0.4, target=2.0):
    """(u, v) at the times t, for u > |v|."""
    c = u**2 - v**2
    root = np.hypot(2 * target, c)
    up, down = (2 * target + root) / c, (2 * target - root) / c
    start = np.exp(2 * np.arctanh(v / u))
    ratio = (start - up) / (start - down) * np.exp(-root * np.asarray(t))
    z = (up - ratio * down) / (1 - ratio)
    half = np.log(z) / 2
    return np.sqrt(c) * np.cosh(half), np.sqrt(c) * np.sinh(half)


def linear_problem(samples=6):
    """A (2, 2, 2) linear network under ½|z − y|²."""
    x = jax.random.normal(jax.random.key(1), (samples, 2))
    y = x @ jnp.array([[1.0, 0.5], [-0.3, 0.8]])
    model = gf.models.DeepLinear([2, 2, 2], key=jax.random.key(0))
    return gf.Problem(model, "half_squared_error", (x, y))


def linear_reference(problem, t1):
    """(W₁, W₂) at t1 by heyoka's Taylor series, at its finest tolerance."""
    import heyoka

    x, y = np.asarray(problem.inputs), np.asarray(problem.targets)
    second, cross = x.T @ x / len(x), y.T @ x / len(x)
    names = [f"w{i}" for i in range(8)]
    symbols = heyoka.make_vars(*names)
    first, last = (
        np.array(s, object).reshape(2, 2) for s in (symbols[:4], symbols[4:])
    )
    slope = last @ first @ second - cross
    fields = [*(-last.T @ slope).ravel(), *(-slope @ first.T).ravel()]
    layers = problem.model.layers
    state = np.concatenate([np.asarray(w.weight).ravel() for w in layers])
    integrator = heyoka.taylor_adaptive(list(zip(symbols, fields)), state.copy())
    integrator.propagate_until(t1)
    return integrator.state[:4].reshape(2, 2), integrator.state[4:].reshape(2, 2)


def smooth_problem(key=0, samples=6, **options):
    """A tanh network of 14 parameters."""
    x = jax.random.normal(jax.random.key(100), (samples, 2))
    model = gf.models.MLP([2, 3, 1], key=jax.random.key(key), activation="tanh")
    return gf.Problem(model, "mse", (x, jnp.sin(x[:, :1])), **options)
