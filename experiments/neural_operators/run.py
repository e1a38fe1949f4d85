"""Laws of DeepONet and of the Fourier operator: number, flow, drift.

    python experiments/neural_operators/run.py [--only WORD] [--out DIR]

writes table.md and figure.svg beside itself.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import NamedTuple

import jax

jax.config.update("jax_enable_x64", True)

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from operators import OPERATORS, Operator

import gfflow as gf

HERE = Path(__file__).parent
TIME = 2.0
TOLERANCES = (1e-3, 1e-5, 1e-7)
RATES = (0.02, 0.01, 0.005)
FLOW = gf.GradientFlow()


class Row(NamedTuple):
    """**Attributes:**

    - `found`: by discovery, from lower to upper bound, if it was asked;
        `seconds` of all.
    - `claims`: by name verdict, rate, drift; `drifts`: of the first by tolerance;
        `sgd`: of the first under gradient descent by its step, and `residual`, of
        h(θ − ηg) = h(θ) + η²h(g).
    """

    operator: Operator
    parameters: int
    found: tuple[int, int | None] | None
    seconds: float
    losses: tuple[float, float]
    claims: dict[str, tuple[str, float, float]]
    drifts: list[float]
    sgd: list[float]
    residual: float

    @property
    def right(self) -> bool:
        verdicts = {name: verdict for name, (verdict, *_) in self.claims.items()}
        wanted = {name: claim[1] for name, claim in self.operator.claims.items()}
        number = self.operator.number
        return self.found in (None, (number, number)) and verdicts == wanted


def measure(operator: Operator) -> Row:
    began = time.perf_counter()
    found = None
    if operator.small is not None:
        search = gf.discover(operator.small(), FLOW)
        found = search.lower_bound, search.upper_bound
    problem = operator.problem()
    laws = [
        gf.Law(fn, name, degree="quadratic")
        for name, (fn, _) in operator.claims.items()
    ]
    largest = lambda a: float(np.max(np.abs(np.asarray(a) - np.asarray(a)[0])))
    drifts = []
    for rtol in TOLERANCES:
        solution = gf.solve(
            FLOW,
            problem,
            t1=TIME,
            rtol=rtol,
            solver="dopri5",
            laws=laws,
            max_steps=20_000,
        )
        drifts.append(largest(solution.laws[laws[0].name]))
    report = gf.check(solution, laws, ladder=False)
    claims = {
        r.name: (str(r.verdict), float(r.rate), float(r.max_drift))
        for r in report.values()
    }
    sgd, residual = [], 0.0
    for eta in RATES:
        run = gf.DiscreteFlow("sgd", learning_rate=eta).run(
            problem, t1=TIME, laws=laws[:1]
        )
        sgd.append(largest(run.laws[laws[0].name]))
        residual = max(residual, float(np.max(np.abs(run.residuals[laws[0].name]))))
    return Row(
        operator,
        problem.size,
        found,
        time.perf_counter() - began,
        (float(solution.losses[0]), float(solution.losses[-1])),
        claims,
        drifts,
        sgd,
        residual,
    )


def table(rows: list[Row]) -> str:
    lines = [
        "# Laws of neural operators",
        "",
        "Written by `run.py`. Number of laws of a small network by theory and by "
        f"discovery; then one of D parameters to flow time {TIME:g}: loss at its start "
        "and end; verdict, largest |ḣ| over its terms, largest drift over scale.",
        "",
        "| operator | theory | discovered | D | loss | statement: verdict (rate, "
        "drift) |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        low, high = row.found or ("–", "–")
        number = str(low) if low == high else f"{low} to {high}"
        claims = "; ".join(
            f"{name}: {verdict} ({rate:.0e}, {drift:.0e})"
            for name, (verdict, rate, drift) in row.claims.items()
        )
        lines.append(
            f"| {row.operator.name} | {row.operator.number} | {number} | "
            f"{row.parameters} | {row.losses[0]:.3f} → {row.losses[1]:.3f} | {claims} |"
        )
    lines += [
        "",
        "Largest |h − h(0)| of the first statement of each: the flow by dopri5, by "
        "tolerance; gradient descent by step; and the residual of its exact identity.",
        "",
        "| operator | "
        + " | ".join(f"rtol {x:.0e}" for x in TOLERANCES)
        + " | "
        + " | ".join(f"η = {x:g}" for x in RATES)
        + " | residual |",
        "|---|" + "---|" * (len(TOLERANCES) + len(RATES) + 1),
    ]
    for row in rows:
        cells = " | ".join(f"{x:.1e}" for x in [*row.drifts, *row.sgd, row.residual])
        lines.append(f"| {row.operator.name} | {cells} |")
    right = sum(row.right for row in rows)
    return "\n".join([*lines, "", f"{right} of {len(rows)} as theory says."]) + "\n"


def draw(rows: list[Row], path: Path) -> None:
    plt.rcParams |= {"svg.hashsalt": "gfflow", "font.size": 9, "svg.fonttype": "none"}
    figure, (left, right) = plt.subplots(1, 2, figsize=(8, 2.8), layout="constrained")
    for colour, row in zip(("#1b7f5c", "#8a5fbf", "#c2452d", "#2b5fa8"), rows):
        left.loglog(TOLERANCES, row.drifts, ".-", color=colour, label=row.operator.name)
        right.loglog(RATES, row.sgd, ".-", color=colour, label=row.operator.name)
    left.set(xlabel="tolerance", title="drift of the law of linear maps: flow")
    right.set(xlabel="step η", title="the same: gradient descent")
    for axis in (left, right):
        axis.spines[["top", "right"]].set_visible(False)
    left.legend(frameon=False, fontsize=7)
    figure.savefig(path, metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--only", default="", help="operators with this in their name")
    arguments = parser.parse_args()
    rows = []
    for operator in OPERATORS:
        if arguments.only in operator.name:
            rows.append(row := measure(operator))
            mark = "" if row.right else "  <- not as theory says"
            print(*row[2:], mark, flush=True)
    if arguments.only:
        return 0
    (arguments.out / "table.md").write_text(table(rows), encoding="utf-8")
    draw(rows, arguments.out / "figure.svg")
    return 0 if all(row.right for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
