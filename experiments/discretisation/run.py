"""What a step size does: drift of laws, and gradient descent leaving the flow.

    python experiments/discretisation/run.py

writes table.md and figure.svg beside itself; some minutes on one core.
"""

import time
from pathlib import Path

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)

import edge
import matplotlib.pyplot as plt
import numpy as np
import step_size

import gfflow as gf

HERE = Path(__file__).parent
COLOURS = {
    "sgd": "#1b7f5c",
    "heavy_ball": "#c2452d",
    "nesterov": "#8a5fbf",
    "adam": "#666666",
}
SETTINGS = {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}


def main() -> None:
    """Run both studies and write what they show."""
    began = time.perf_counter()
    curves = step_size.curves()
    middle = time.perf_counter()
    print(f"step sizes: {middle - began:.0f} s", flush=True)
    found = edge.departures()
    print(f"departure: {time.perf_counter() - middle:.0f} s")
    (HERE / "table.md").write_text(table(curves, found), encoding="utf-8")
    draw(curves, found)


def table(curves: list[step_size.Curve], found: list[gf.Comparison]) -> str:
    """Both studies as Markdown."""
    lines = [
        "# Drift against the step",
        "",
        f"Largest drift over the scale of the law at flow time {step_size.TIME:g}, by "
        "the flow time of a step; the slope is that of log drift against log step over "
        "all rows.",
        "",
        "| method | law | identity | slope | "
        + " | ".join(f"{x:.1e}" for x in curves[0].per_step)
        + " |",
        "|---|---|---|---|" + "---|" * len(curves[0].per_step),
    ]
    for curve in curves:
        residual = "–" if curve.residual is None else f"{curve.residual:.1e}"
        slope = "round-off" if curve.is_round_off else f"{curve.slope:.3f}"
        drifts = " | ".join(f"{x:.1e}" for x in curve.drift)
        lines.append(
            f"| {curve.method} | {curve.law} | {residual} | {slope} | {drifts} |"
        )
    lines += [
        "",
        "# Gradient descent leaving the flow",
        "",
        f"Departure: the distance exceeds {found[0].tolerance:g} of ‖θ‖. Times are "
        "flow time.",
        "",
        "| η | 2/η | flow's sharpness exceeds it at | departure at | steps between | "
        "distance then, at the end |",
        "|---|---|---|---|---|---|",
    ]
    for one in found:
        crossing, departure = one.crossing, one.departure
        assert crossing is not None and one.thresholds is not None
        at = float(np.interp(crossing, one.ts, one.distances))
        left = "–" if departure is None else f"{departure:.1f}"
        between = "–"
        if departure is not None:
            between = f"{(departure - crossing) / one.learning_rate:.0f}"
        lines.append(
            f"| {one.learning_rate:g} | {one.thresholds[0]:.3g} | {crossing:.1f} | "
            f"{left} | {between} | {at:.1e}, {one.distances[-1]:.1e} |"
        )
    return "\n".join(lines) + "\n"


def draw(curves: list[step_size.Curve], found: list[gf.Comparison]) -> None:
    """figure.svg."""
    plt.rcParams |= SETTINGS
    figure, (left, centre, right) = plt.subplots(
        1, 3, figsize=(11, 3), layout="constrained"
    )
    for curve in curves:
        quadratic = curve.law.startswith("balancedness")
        if not quadratic and curve.method != "sgd":
            continue
        law = "balancedness" if quadratic else "column sums"
        slope = "round-off" if curve.is_round_off else f"slope {curve.slope:.2f}"
        left.loglog(
            curve.per_step,
            curve.drift,
            color=COLOURS[curve.method],
            linestyle="-" if quadratic else ":",
            marker=".",
            label=f"{curve.method}, {law}: {slope}",
        )
    left.set(xlabel="flow time of a step", title="drift at flow time 1, over scale")
    left.set_ylim(1e-17, 1e10)
    left.legend(frameon=False, fontsize=7, loc="upper left")
    one = found[0]
    centre.plot(one.ts, one.flow_sharpness, color="#1b7f5c", label="flow")
    label = f"gradient descent, η = {one.learning_rate:g}"
    centre.plot(one.ts, one.sharpness, color="#c2452d", label=label)
    centre.axhline(one.thresholds[0], color="#666666", linestyle=":", label="2/η")
    centre.set(xlabel="flow time", title="sharpness λ_max(∇²L)")
    for one, shade in zip(found, ("#c2452d", "#d98f3d", "#8a5fbf")):
        right.semilogy(
            one.ts[1:],
            one.distances[1:],
            color=shade,
            label=f"η = {one.learning_rate:g}",
        )
        right.axvline(one.crossing, color=shade, linestyle=":", linewidth=1)
    right.axhline(one.tolerance, color="#666666", linewidth=0.7)
    right.set(xlabel="flow time", title="distance / ‖θ‖ (dotted: λ_max > 2/η)")
    for axis in (centre, right):
        axis.legend(frameon=False, fontsize=7)
    for axis in (left, centre, right):
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "figure.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
