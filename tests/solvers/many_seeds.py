"""Networks of 33 seeds trained in one `vmap`; run as `python -m` with the names of
solvers.

The state has more entries than a collocation solver takes directions of, and a batch is
so large that jaxlib would cut it into tasks: where two of them run at a time, each
waits for the threads of the other. The compilation is given as long as it needs.
"""

import faulthandler
import sys

import diffrax
import jax
import jax.numpy as jnp

import gfflow as gf
from gfflow.solvers import (
    ROCK2,
    Auto,
    Conjugate,
    GaussLegendre,
    Projected,
    RadauIIA,
    adapted,
)

from ..compilation import compile_quickly

SEEDS, SECONDS = 33, 120
INPUTS = jnp.linspace(-1, 1, 10)[:, None]


def problem_of(key, activation="gelu"):
    model = gf.models.MLP([1, 30, 1], key=key, activation=activation)
    return gf.Problem(model, "mse", (INPUTS, jnp.sin(3 * INPUTS)))


GRADIENT, MOMENTUM = gf.GradientFlow(), gf.MomentumFlow(1.0)
LAWS = gf.known_laws(problem_of(jax.random.key(0), "relu"), GRADIENT)

CASES = {
    "radau_iia": (GRADIENT, RadauIIA(2), "gelu"),
    "gauss_legendre": (GRADIENT, GaussLegendre(2), "gelu"),
    "auto": (GRADIENT, Auto(3), "gelu"),
    "rock2": (GRADIENT, ROCK2(), "gelu"),
    "conjugate": (MOMENTUM, Conjugate(GaussLegendre(2)), "gelu"),
    "projected": (GRADIENT, Projected(diffrax.Bosh3(), LAWS), "relu"),
}


def main(name: str):
    flow, solver, activation = CASES[name]
    solver = adapted(solver).fitted(flow, problem_of(jax.random.key(0)), 1e-4)

    def end(key):
        problem = problem_of(key, activation)
        path = diffrax.diffeqsolve(
            diffrax.ODETerm(flow.vector_field),
            solver,
            0.0,
            1.0,
            0.02,
            flow.initial_state(problem),
            problem,
            stepsize_controller=diffrax.PIDController(rtol=1e-4, atol=1e-4),
            max_steps=500,
        )
        last = jax.tree.map(lambda y: y[-1], path.ys)
        return problem.value(flow.parameters(last))

    keys = jax.random.split(jax.random.key(0), SEEDS)
    program = jax.jit(jax.vmap(end)).lower(keys).compile()
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    losses = program(keys)
    faulthandler.cancel_dump_traceback_later()
    print(float(jnp.min(losses)), float(jnp.max(losses)))


if __name__ == "__main__":
    jax.config.update("jax_enable_x64", True)
    compile_quickly()
    for name in sys.argv[1:]:
        main(name)
