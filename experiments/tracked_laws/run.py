"""Three trainings on digits: what is tracked, and a law, under the flow and under SGD.

    python experiments/tracked_laws/run.py [--out DIR]

writes table.md and figure.svg beside itself.
"""

import argparse
import time
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from subjects import SUBJECTS, Subject
from training import drift

import gfflow as gf

HERE = Path(__file__).parent
TIME = 2.0
RATES = 2.0 ** -np.arange(3, 10)
TRACKED, LAW = "#c2452d", "#1b7f5c"


class Quantity(NamedTuple):
    """**Attributes:**

    - `verdict`, `rate`, `flow`: of `gf.check`, and the largest drift of the flow.
    - `change`: the largest |h(θ_n) − h(θ_0)| by learning rate; `predicted`: of
        η² Σ h(g_k); `off`: the largest difference of the two.
    - `heavy_ball`: the largest residual of the exact identity of the heavy ball.
    """

    name: str
    verdict: str
    rate: float
    flow: float
    change: list[float]
    predicted: list[float]
    off: list[float]
    heavy_ball: float

    @property
    def slope(self) -> float:
        """Of log change against log η."""
        return float(np.polyfit(np.log(RATES), np.log(self.change), 1)[0])


def measure(subject: Subject) -> list[Quantity]:
    laws = [
        gf.Law(subject.tracked, subject.tracked_name, degree="quadratic"),
        gf.Law(subject.law, subject.law_name, degree="quadratic"),
    ]
    flow = gf.GradientFlow()
    solution = gf.solve(
        flow, subject.problem, t1=TIME, rtol=1e-6, solver="dopri5", laws=laws
    )
    report = gf.check(solution, laws, ladder=False)
    ball = gf.DiscreteFlow("heavy_ball", learning_rate=0.01, batch=subject.batch)
    run = ball.run(subject.problem, steps=100, laws=laws)
    runs = [drift(subject, float(eta), TIME) for eta in RATES]
    found = []
    for k, law in enumerate(laws):
        values = np.asarray(solution.laws[law.name])
        pairs = [one[k] for one in runs]
        largest = lambda a: float(np.max(np.abs(a)))
        residual = run.residuals.get(law.name)
        found.append(
            Quantity(
                law.name,
                str(report[law.name].verdict),
                float(report[law.name].rate),
                largest(values - values[0]),
                [largest(change) for change, _ in pairs],
                [largest(total) for _, total in pairs],
                [largest(change - total) for change, total in pairs],
                float("nan") if residual is None else largest(residual),
            )
        )
    return found


def table(rows: dict[str, list[Quantity]]) -> str:
    coarse, fine = f"{RATES[0]:.3g}", f"{RATES[-1]:.3g}"
    lines = [
        "# Tracked quantities and laws",
        "",
        f"Written by `run.py`. Flow time {TIME:g}; drift is the largest |h − h(0)| "
        "over the components, not divided by anything. SGD on minibatches; its exact "
        "sum is η² Σ h(g_k), with no constant that was fitted. Residual of the heavy "
        "ball (β = 0.9, 100 steps of 0.01): of its recursion, over the sum of its "
        "terms.",
        "",
        "| network | quantity | verdict | rate | drift of the flow | of SGD, η = "
        f"{coarse} | η = {fine} | slope in η | exact sum, η = {fine} | drift − sum "
        "there | heavy ball, residual |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for name, quantities in rows.items():
        for q in quantities:
            lines.append(
                f"| {name} | {q.name} | {q.verdict} | {q.rate:.0e} | {q.flow:.1e} | "
                f"{q.change[0]:.3e} | {q.change[-1]:.3e} | {q.slope:.2f} | "
                f"{q.predicted[-1]:.3e} | {q.off[-1]:.1e} | {q.heavy_ball:.0e} |"
            )
    return "\n".join(lines) + "\n"


def draw(rows: dict[str, list[Quantity]], path: Path) -> None:
    plt.rcParams |= {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    figure, axes = plt.subplots(
        1, len(rows), figsize=(10, 2.9), layout="constrained", sharey=True
    )
    for axis, (name, quantities) in zip(axes, rows.items()):
        for q, colour in zip(quantities, (TRACKED, LAW)):
            axis.loglog(RATES, q.change, color=colour, label=q.name)
            axis.loglog(RATES, q.predicted, "x", color=colour, markersize=4)
        axis.set(xlabel="learning rate η", title=name)
        axis.legend(frameon=False, fontsize=7)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel(f"drift at flow time {TIME:g} (× η²Σh(g))")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    rows = {}
    for make in SUBJECTS:
        began = time.perf_counter()
        subject = make()
        rows[subject.name] = measure(subject)
        seconds = f"{time.perf_counter() - began:.1f} s"
        print(*rows[subject.name], seconds, sep="\n", flush=True)
    (arguments.out / "table.md").write_text(table(rows), encoding="utf-8")
    draw(rows, arguments.out / "figure.svg")


if __name__ == "__main__":
    main()
