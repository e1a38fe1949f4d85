"""Drift of balancedness and of its momentum counterpart, by flow and by solver."""

from pathlib import Path

import jax
import matplotlib

matplotlib.use("Agg")

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from architectures import ARCHITECTURES

import gfflow as gf
from gfflow.flows import MomentumFlow
from gfflow.solvers import Conjugate

COLOURS = {"gradient": "#1b7f5c", "momentum": "#c2452d", "conjugate": "#2b5fa8"}
TIMES = gf.log_times(1e-2, np.log(1e6), 60)


def drift(flow, problem, law, solver, rtol) -> tuple[np.ndarray, np.ndarray]:
    """Times, and |h − h(0)| over the largest scale of the law on the way."""
    solution = gf.solve(
        flow,
        problem,
        saveat=TIMES,
        solver=solver,
        rtol=rtol,
        laws=[law],
        parameters_every=1,
    )

    def scale(t, state):
        size = jax.tree_util.tree_map(jnp.abs, state)
        return law.absolute_value(t, flow.view(size, problem))

    scales = jax.vmap(scale)(solution.state_ts, solution.states)
    values = solution.laws[law.name]
    moved = jnp.max(jnp.abs(values - values[0]) / jnp.max(scales, axis=0), axis=1)
    return np.asarray(solution.ts), np.asarray(moved)


def draw(path: Path) -> None:
    """Write the figure."""
    problem = next(a for a in ARCHITECTURES if a.name.startswith("linear")).problem()
    still, moving = gf.GradientFlow(), MomentumFlow(1.0)
    (balancedness,) = gf.known_laws(problem, still)
    rotation = gf.known_laws(problem, moving)[0]
    plt.rcParams |= {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    for name, flow, law in (
        ("gradient", still, balancedness),
        ("momentum", moving, balancedness.on_model()),
    ):
        ts, moved = drift(flow, problem, law, "dopri8", 1e-10)
        left.loglog(ts[1:], np.maximum(moved[1:], 1e-17), COLOURS[name], label=name)
    left.set(xlabel="flow time", title="drift of UᵀU − VVᵀ")
    for name, solver, rtol in (
        ("dopri8, rtol 1e-6", "dopri8", 1e-6),
        ("dopri8, rtol 1e-10", "dopri8", 1e-10),
        ("conjugate, rtol 1e-6", Conjugate(), 1e-6),
    ):
        ts, moved = drift(moving, problem, rotation, solver, rtol)
        colour = COLOURS["conjugate" if name.startswith("conj") else "momentum"]
        style = "--" if rtol == 1e-10 else "-"
        right.loglog(
            ts[1:], np.maximum(moved[1:], 1e-17), style, color=colour, label=name
        )
    right.set(xlabel="flow time", title="drift of eᵗ(UᵀU' − U'ᵀU + VV'ᵀ − V'Vᵀ)")
    for axis in (left, right):
        axis.set_ylim(1e-17, 1)
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
