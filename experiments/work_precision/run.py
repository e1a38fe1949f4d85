"""Work and precision of gfflow's solvers and of their peers, in one process.

    python experiments/work_precision/run.py [--problems a,b] [--solvers x,y]
        [--ours-only] [--jobs N] [--out DIR]

writes results.csv, problems.csv, table.md and PROBLEM.svg; what is there already and
was not run again stays, and then the unit of its problem stays too. With --jobs each
problem is a process of its own on a core of its own, N at a time.
"""

import argparse
import csv
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax

jax.config.update("jax_enable_x64", True)

import numpy as np
import reference
import report
from contestants import contestants, ladder, law_drift, takes_part
from cost import Ratios, measure
from field import Field
from filelock import FileLock
from outcome import OVER_BUDGET, SOLVED
from problems import CASES

HERE = Path(__file__).parent
COLUMNS = (
    "problem t1 solver kind rtol status error gradients hvps gradient_equivalents "
    "sequential wall_s accepted rejected law_drift"
).split()


def main() -> None:
    """Race, problem by problem; each is written when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--problems", default=",".join(CASES))
    parser.add_argument("--solvers", default="", help="parts of names, all without")
    parser.add_argument("--ours-only", action="store_true")
    parser.add_argument("--jobs", type=int, default=1, help="problems at a time")
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if options.jobs > 1:
        _side_by_side(options)
        return
    peers, wanted = not options.ours_only, options.solvers.split(",")
    some = options.ours_only or options.solvers
    for name in options.problems.split(","):
        case = CASES[name]
        if not reference.known(case):
            print(f"{name}: no reference, not run", file=sys.stderr, flush=True)
            continue
        field = Field.of(case)
        ratios = (some and _written(options.out, name)) or measure(field)
        states, distances = reference.load(case)
        top = max(field.largest_eigenvalue(s.astype(float)) for s in states)
        note = {
            "problem": name,
            "parameters": field.size,
            "lambda_max": top,
            **ratios._asdict(),
            "references_differ_by": max(distances),
        }
        print(note, file=sys.stderr, flush=True)
        with _locked(options.out):
            _merge(options.out / "problems.csv", list(note), [note])
        for t1, state in zip(case.horizons, states):
            for contestant in contestants(peers):
                if not any(part in contestant.name for part in wanted):
                    continue
                if takes_part(contestant, field.size, t1 == case.horizons[0]):
                    rows = _race(case, field, ratios, t1, state, contestant)
                    with _locked(options.out):
                        _merge(options.out / "results.csv", COLUMNS, rows)
        with _locked(options.out):
            report.write(options.out)


def _written(folder: Path, problem: str) -> Ratios | None:
    """The ratios that the rows of a problem in this folder are counted with."""
    path = folder / "problems.csv"
    if not path.exists():
        return None
    for row in report.read(path):
        if row["problem"] == problem:
            return Ratios(*(float(row[name]) for name in Ratios._fields))
    return None


def _side_by_side(options) -> None:
    """Each problem in a process of its own; what fails does not stop the others."""
    free = sorted(os.sched_getaffinity(0))[: options.jobs]
    shared = ["--solvers", options.solvers, "--out", options.out]
    shared += ["--ours-only"] * options.ours_only
    one_thread = {
        "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }

    def alone(name):
        core = free.pop()
        command = [sys.executable, __file__, "--problems", name, *shared]
        pinned = ["taskset", "-c", str(core), *command]
        try:
            subprocess.run(pinned, env=os.environ | one_thread, check=True)
        finally:
            free.append(core)

    with ThreadPoolExecutor(len(free)) as pool:
        list(pool.map(alone, options.problems.split(",")))


def _locked(folder: Path) -> FileLock:
    """Keep other processes from writing in this folder; wait until they have."""
    return FileLock(folder / ".lock")


def _race(case, field, ratios, t1, exact, contestant) -> list[dict]:
    """One contestant down its ladder, until it is over budget."""
    rows = []
    for rtol in ladder(contestant):
        outcome = contestant.run(field, ratios, t1, rtol)
        reached = outcome.status == SOLVED and outcome.state is not None
        products = outcome.products, outcome.batched, outcome.blocked
        counts = outcome.gradients, *products
        known = None not in counts
        rows.append(
            {
                "problem": case.name,
                "t1": f"{t1:g}",
                "solver": contestant.name,
                "kind": contestant.kind,
                "rtol": f"{rtol:.0e}",
                "status": outcome.status,
                "error": f"{field.error(outcome.state, exact):.3e}" if reached else "",
                "gradients": outcome.gradients if known else "",
                "hvps": sum(products) if known else "",
                "gradient_equivalents": (
                    f"{ratios.equivalents(*counts):.0f}" if known else ""
                ),
                "sequential": outcome.sequential or "",
                "wall_s": f"{outcome.wall_s:.3f}",
                "accepted": "" if outcome.accepted is None else outcome.accepted,
                "rejected": "" if outcome.rejected is None else outcome.rejected,
                "law_drift": _drift(field, outcome.state) if reached else "",
            }
        )
        print(",".join(str(v) for v in rows[-1].values()), file=sys.stderr, flush=True)
        if outcome.status == OVER_BUDGET:
            break
    return rows


def _drift(field, state: np.ndarray) -> str:
    drift = law_drift(field, state)
    return "" if drift is None else f"{drift:.1e}"


def _merge(path: Path, columns: list[str], rows: list[dict]) -> None:
    """Write the rows, and of those of before what they do not replace."""
    key = lambda row: (row["problem"], row.get("t1"), row.get("solver"))
    new = {key(row) for row in rows}
    if path.exists():
        old = [row for row in report.read(path) if key(row) not in new]
        place = lambda row: (
            list(CASES).index(row["problem"]),
            float(row.get("t1") or 0),
        )
        rows = sorted([*old, *rows], key=place)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
