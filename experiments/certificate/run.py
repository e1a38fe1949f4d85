"""The certificate of a solution against references of 200 bits.

    python experiments/certificate/run.py [--out DIR] [--quick] [CASE ...]

solves each case with four solvers at six tolerances, the least of the dtype among
them (with kinks at three, in single precision with two solvers at four), with
`certify=True`, and writes results.csv and table.md; the rows of other cases are kept.
`--quick` compiles without optimisation: a quarter of the time, of other round-off.
"""

import argparse
import ast
import csv
import os
import sys
import time
import warnings
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

QUICK = (
    "--xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false "
    "--xla_cpu_parallel_codegen_split_count=1"
)
if "--quick" in sys.argv:
    os.environ["XLA_FLAGS"] = QUICK

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np
import references
import report
from jax.flatten_util import ravel_pytree
from problems import CASES, IN_SINGLE, WITH_KINKS, Case

import gfflow as gf

SOLVERS = ("auto", "tsit5", "dopri8", "radau_iia")
TOLERANCES = (1e-4, 1e-6, 1e-8, 1e-10, 1e-12, 2.3e-15)
# At tighter ones the kinks make the runs long.
KINK_TOLERANCES = (1e-4, 1e-6, 1e-8)
SINGLE_SOLVERS = ("auto", "tsit5")
SINGLE_TOLERANCES = (1e-3, 1e-4, 1e-5, 1.2e-6)

# Cases whose programs are held at a time: those of all would take too many maps.
PROGRAMS_KEPT = 8


class Row(NamedTuple):
    """One solution and its certificate; errors and distances over ‖θ‖."""

    case: str
    tuned: bool
    solver: str
    rtol: float
    true_error: float
    error: float
    difference: float
    resolution: float
    gradients: int
    certificate_gradients: int


def rows_of(case: Case, exact: np.ndarray):
    """All rows of a case."""
    solvers, tolerances = SOLVERS, TOLERANCES
    if case.name in IN_SINGLE:
        solvers, tolerances = SINGLE_SOLVERS, SINGLE_TOLERANCES
    if case.name in WITH_KINKS:
        tolerances = KINK_TOLERANCES
    problem = case.problem()
    for solver in solvers:
        for rtol in tolerances:
            solution = gf.solve(
                case.flow,
                problem,
                t1=case.t1,
                saveat=np.array([case.t1]),
                parameters_every=0,
                rtol=rtol,
                solver=solver,
                certify=True,
            )
            if not solution.finished:
                sys.exit(f"{case.name}, {solver}, {rtol:g}: {solution.status_name}")
            state = np.asarray(ravel_pytree(solution.state)[0], float)
            found = solution.certificate
            yield Row(
                case.name,
                case.tuned,
                solver,
                rtol,
                float(np.linalg.norm(state - exact) / np.linalg.norm(exact)),
                float(found.error),
                float(found.difference),
                float(found.resolution),
                int(solution.cost.gradients),
                int(found.cost.gradients),
            )


def main() -> None:
    """Run and write, case by case."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    parser.add_argument("--quick", action="store_true", help="compile quickly")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    exact = references.load()
    rows = earlier(arguments.out / "results.csv", arguments.cases)
    for index, name in enumerate(arguments.cases, 1):
        began = time.perf_counter()
        rows += rows_of(CASES[name], exact[name])
        if index % PROGRAMS_KEPT == 0:
            jax.clear_caches()
        worst = max(row.true_error / row.error for row in rows if row.case == name)
        spent = time.perf_counter() - began
        print(
            f"{name}: error at most {worst:.2f} of the bound, {spent:.0f} s", flush=True
        )
        write(rows, arguments.out)


def earlier(file: Path, others: Collection[str]) -> list[Row]:
    """The rows of an earlier run, but for those of some cases."""
    if not file.exists():
        return []
    with open(file, encoding="utf-8", newline="") as opened:
        found = [
            Row(*(literal(x) for x in line)) for line in list(csv.reader(opened))[1:]
        ]
    return [row for row in found if row.case not in others]


def literal(text: str):
    """A number or a truth as it is written, or the text."""
    for read in (ast.literal_eval, float):
        try:
            return read(text)
        except (ValueError, SyntaxError):
            pass
    return text


def write(rows: list[Row], folder: Path) -> None:
    """results.csv and table.md."""
    with open(folder / "results.csv", "w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(Row._fields)
        for row in rows:
            table.writerow([f"{x:.4g}" if type(x) is float else x for x in row])
    (folder / "table.md").write_text(report.table(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
