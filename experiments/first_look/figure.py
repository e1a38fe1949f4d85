"""The picture of the README: one law, true for ReLU and false for tanh.

Run `python experiments/first_look/figure.py`; it writes figure.svg and figure.csv
beside itself, in about a minute.
"""

import csv
from pathlib import Path

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np

import gfflow as gf

HERE = Path(__file__).parent
COLOURS = {"relu": "#1b7f5c", "tanh": "#c2452d"}


def trajectory(activation: str) -> tuple[gf.Solution, np.ndarray, str]:
    """A two-layer net on digits: its solution, its drift over scale, the verdict."""
    data = gf.data.digits(samples=500)
    key = jax.random.key(0)
    model = gf.models.MLP([64, 16, 10], activation=activation, key=key)
    problem = gf.Problem(model, "mse", data)
    flow = gf.GradientFlow()
    (law,) = gf.laws.rescaling(problem, flow)
    times = gf.log_times(1e-4, 0.5, 60)
    solution = gf.solve(
        flow, problem, saveat=times, solver="dopri5", rtol=1e-10, laws=[law]
    )
    report = gf.check(solution, law, ladder=False)[law.name]
    values = solution.laws[law.name]
    drift = jnp.max(jnp.abs(values - values[0]), axis=1) / report.scale
    return solution, np.asarray(drift), str(report.verdict)


def main() -> None:
    """Write the figure and its numbers."""
    plt.rcParams |= {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    rows = []
    for activation in ("relu", "tanh"):
        solution, drift, verdict = trajectory(activation)
        ts, losses = np.asarray(solution.ts), np.asarray(solution.losses)
        colour = COLOURS[activation]
        left.semilogx(ts[1:], losses[1:], color=colour, label=activation)
        right.loglog(
            ts[1:],
            np.maximum(drift[1:], 1e-17),
            color=colour,
            label=f"{activation}: {verdict}",
        )
        rows += [(activation, *row) for row in zip(ts, losses, drift)]
    left.set(xlabel="flow time", ylabel="mean squared error", title="training")
    right.set(xlabel="flow time", title="drift of |W₂[:,k]|² − |W₁[k,:]|² − b₁[k]²")
    right.set_ylim(1e-17, 1)
    for axis in (left, right):
        axis.legend(frameon=False)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "figure.svg", metadata={"Date": None})
    with open(HERE / "figure.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("activation", "t", "loss", "drift"))
        writer.writerows((a, *(f"{x:.6e}" for x in r)) for a, *r in rows)


if __name__ == "__main__":
    main()
