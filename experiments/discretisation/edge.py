"""Gradient descent leaving the flow, after the flow's sharpness has passed 2/η."""

import jax
import numpy as np

import gfflow as gf

LEARNING_RATES = (0.4, 0.5, 0.6)
TIME = 135.0
ROWS = 110


def tanh_digits() -> gf.Problem:
    """A (64, 32, 32, 10) tanh network on 200 digits, from a small start: 3466
    parameters, whose sharpness rises from 2 to 8 along the flow."""
    model = gf.models.MLP(
        [64, 32, 32, 10], activation="tanh", init_scale=0.4, key=jax.random.key(0)
    )
    return gf.Problem(model, "half_squared_error", gf.data.digits(samples=200))


def departures() -> list[gf.Comparison]:
    """Gradient descent beside the flow, one comparison a learning rate."""
    problem = tanh_digits()
    found = []
    for rate in LEARNING_RATES:
        flow = gf.DiscreteFlow("sgd", rate)
        steps = flow.steps_until(problem, TIME)
        save = np.unique(np.linspace(1, steps, ROWS).round().astype(int))
        run = flow.run(problem, save=save)
        found.append(gf.compare(gf.GradientFlow(), run, rtol=1e-8, solver="dopri5"))
    return found
