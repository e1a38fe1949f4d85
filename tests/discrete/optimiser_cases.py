"""The optimisers by hand: loops over NumPy arrays, sharing no code with Optax."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf


def iterates(kind, gradient, start, eta, steps, beta=0.9, decay=0.0):
    """θ_0, …, θ_steps of plain gradient descent, the heavy ball, Nesterov, or sign."""
    theta, velocity, path = np.array(start, float), np.zeros(len(start)), []
    for _ in range(steps):
        path.append(theta.copy())
        slope = np.asarray(gradient(theta)) + decay * theta
        if kind == "sgd":
            theta = theta - eta * slope
        elif kind == "sign":
            theta = theta - eta * np.sign(slope - decay * theta) - eta * decay * theta
        else:
            velocity = beta * velocity - eta * slope
            ahead = beta * velocity - eta * slope
            theta = theta + (velocity if kind == "heavy_ball" else ahead)
    return np.array([*path, theta])


def adam_iterates(gradient, start, eta, steps, decay=0.0):
    """Kingma & Ba 2015, Algorithm 1, with decoupled decay."""
    theta, m, v, path = np.array(start, float), 0.0, 0.0, []
    for k in range(1, steps + 1):
        path.append(theta.copy())
        g = np.asarray(gradient(theta))
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        step = (m / (1 - 0.9**k)) / (np.sqrt(v / (1 - 0.999**k)) + 1e-8)
        theta = theta - eta * (step + decay * theta)
    return np.array([*path, theta])


def product_gradient(theta, target=2.0):
    """∇½(uv − a)²."""
    u, v = theta
    return (u * v - target) * np.array([v, u])


def network(activation="relu", widths=(4, 8, 3), samples=24, **options):
    """A small network on a teacher's data."""
    data = gf.data.teacher_student(
        inputs=widths[0], outputs=widths[-1], samples=samples
    )
    model = gf.models.MLP(list(widths), activation=activation, key=jax.random.key(0))
    return gf.Problem(model, "mse", data, **options)


class Point(eqx.Module):
    """A model that is its parameters, whatever the input."""

    weight: jax.Array

    def __call__(self, x):
        return self.weight


def quadratic(eigenvalues, **options):
    """½ Σ λ_i θ_i² from θ_0 = 1."""
    eigenvalues = jnp.asarray(eigenvalues)
    nothing = jnp.zeros((1, 1))
    return gf.Problem(
        Point(jnp.ones(len(eigenvalues))),
        lambda z, y: 0.5 * jnp.sum(eigenvalues * z**2),
        (nothing, nothing),
        **options,
    )
