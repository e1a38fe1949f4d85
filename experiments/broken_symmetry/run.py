"""Symmetries broken by weight decay, momentum and step size, against closed forms.

    python experiments/broken_symmetry/run.py [--out DIR]

writes table.md and figure.svg, beside itself by default; some minutes on one core.
"""

import argparse
import time
from pathlib import Path

import jax
import matplotlib

matplotlib.use("Agg")
jax.config.update("jax_enable_x64", True)

import flows
import matplotlib.pyplot as plt
import optimisers
import subjects

HERE = Path(__file__).parent
SETTINGS = {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
COLOURS = {"norm": "#1b7f5c", "rescaling": "#c2452d", "sums": "#8a5fbf"}
ROUND_OFF = 1e-14


def main() -> None:
    """Run both parts and write what they show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE, help="a folder")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    both = subjects.subjects()
    curves = [curve for one in both for curve in optimisers.curves(one)]
    middle = time.perf_counter()
    print(f"optimisers: {middle - began:.0f} s", flush=True)
    found = [finding for one in both for finding in flows.findings(one)]
    print(f"flows: {time.perf_counter() - middle:.0f} s")
    (out / "table.md").write_text(table(found, curves), encoding="utf-8")
    draw(curves, out / "figure.svg")


def table(found: list[flows.Finding], curves: list[optimisers.Curve]) -> str:
    """Both parts as Markdown."""
    lines = [
        "# Flows",
        "",
        f"Until flow time {flows.TIMES[-1]:g}, λ = {flows.DECAY:g} or "
        f"{flows.DECAY:g}(1 − cos 2πt) in gradient flow, τ = {flows.FRICTION:g} and "
        f"λ = {flows.STIFFNESS:g} in momentum flow. Rate: the largest of what "
        "`gf.check` finds of ḣ less what the law states, over the sum of its terms. "
        "Drift: of the law from what it states, closed form: of h from that, over the "
        "scale of the law.",
        "",
        "| flow | network | law | verdict | rate | drift | closed form |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        numbers = f"{one.rate:.0e} | {one.drift:.0e} | {one.residual:.0e}"
        lines.append(
            f"| {one.flow} | {one.subject} | {one.law} | {one.verdict} | {numbers} |"
        )
    lines += [
        "",
        "# Optimisers",
        "",
        f"SGD on minibatches of {optimisers.BATCH} with λ = {optimisers.SGD_DECAY:g} "
        f"until flow time {optimisers.SGD_TIME:g}; the heavy ball with λ = "
        f"{optimisers.BALL_DECAY:g} and β = 1 − {optimisers.FRICTION:g}√η until "
        f"{optimisers.BALL_TIME:g} in the momentum flow's time, √η a step. Identity: "
        "the largest residual of the exact change in a step. Then the largest |h − "
        "closed form| at any step and component over the scale of the law, by η, and "
        "its slope in log η.",
        "",
        "| optimiser | network | law | identity | closed form | slope | errors at η |",
        "|---|---|---|---|---|---|---|",
    ]
    for curve in curves:
        for form, errors in curve.errors.items():
            slope = "round-off"
            if max(errors) > ROUND_OFF:
                slope = f"{curve.slope(form):.2f}"
            pairs = zip(errors, curve.rates)
            shown = ", ".join(f"{error:.1e} at {rate:g}" for error, rate in pairs)
            lines.append(
                f"| {curve.optimiser} | {curve.subject} | {curve.law} | "
                f"{curve.identity:.0e} | {form} | {slope} | {shown} |"
            )
    return "\n".join(lines) + "\n"


def draw(curves: list[optimisers.Curve], path: Path) -> None:
    """The scale law under SGD, translation under momentum, errors against η."""
    plt.rcParams |= SETTINGS
    figure, (left, centre, right) = plt.subplots(
        1, 3, figsize=(11, 3), layout="constrained"
    )
    find = lambda optimiser, word: next(
        c for c in curves if c.optimiser == optimiser and word in c.law
    )
    scale, translation = find("sgd", "norm"), find("heavy ball", "sums")
    lines = {optimisers.PLAIN: ":", optimisers.STEPS: "-"}
    lines |= {optimisers.LIMIT: ":", optimisers.MASS: "-"}
    for axis, curve in ((left, scale), (centre, translation)):
        unit = curve.measured[0]
        thin = lambda x, count: x[:: max(1, len(x) // count)]
        for form, said in curve.said.items():
            if form in lines:
                at, label = thin(curve.ts, 100), f"closed form, {form}"
                axis.plot(at, thin(said, 100) / unit, lines[form], label=label)
        at, measured = thin(curve.ts, 16), thin(curve.measured, 16)
        axis.plot(at, measured / unit, ".", color="#333333", label="measured")
        axis.set(xlabel="flow time")
    left.set(title=f"‖w‖² / ‖w₀‖², SGD, η = {scale.rates[0]:g}")
    centre.set(title=f"a column sum, heavy ball, η = {translation.rates[0]:g}")
    for curve in curves:
        word, colour = next(x for x in COLOURS.items() if x[0] in curve.law)
        order = (optimisers.MASS, optimisers.STEPS, optimisers.PLAIN)
        form = next(form for form in order if form in curve.errors)
        right.loglog(
            curve.rates,
            curve.errors[form],
            linestyle="--" if form == optimisers.MASS else "-",
            marker="x" if form == optimisers.MASS else ".",
            color=colour,
            label=f"{curve.optimiser}, {word}: {curve.slope(form):.2f}",
        )
    right.set(xlabel="η", title="error of the closed form, and its slope")
    right.set_xlim(2e-4, 3e0)
    for axis in (left, centre, right):
        axis.legend(frameon=False, fontsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
