"""Flows through kinks: gfflow's KinkResolved and its peers, in one process.

    python experiments/kinks/run.py [--only NAME] [--horizon T] [--seconds S]
        [--states FILE] [--out DIR]

writes results.csv, references.csv, laws.csv, scaling.csv, table.md and figure.svg. NAME
is a subject or `scaling`; rows of others that are there stay.
"""

import argparse
import csv
import os
import sys
from pathlib import Path

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")

import jax

jax.config.update("jax_enable_x64", True)

import write_up
from drift import drifts
from flat import FlowField
from reference import STATES, reference
from scaling import scaling
from solvers import DECADES, solvers
from subjects import SUBJECTS

from cost import measure  # isort: skip
from outcome import OVER_BUDGET, SOLVED  # isort: skip

HERE = Path(__file__).parent


def main() -> None:
    """Race, subject by subject; each is written when it is done."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="a subject, or scaling")
    parser.add_argument("--seconds", type=float, default=90.0, help="for a reference")
    parser.add_argument("--out", type=Path, default=HERE)
    parser.add_argument("--horizon", type=float, help="of a subject, all without")
    parser.add_argument("--states", type=Path, default=STATES, help="relu_small.npz")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for name in [options.only] if options.only else [*SUBJECTS, "scaling"]:
        if name == "scaling":
            _merge(options.out / "scaling.csv", scaling(_say))
        else:
            _subject(name, options)
        write_up.write(options.out)


def _subject(name: str, options) -> None:
    field = FlowField.of(SUBJECTS[name])
    ratios = measure(field, seconds=1.0)
    rows, references, laws = [], [], []
    for t1 in field.case.horizons:
        if options.horizon not in (None, t1):
            continue
        exact = reference(field, t1, options.seconds, options.states)
        note = {
            "problem": name,
            "t1": f"{t1:g}",
            "parameters": field.size,
            "gradient_ms": f"{1e3 * ratios.gradient_s:.3g}",
            "product": f"{ratios.product:.2f}",
            "batched": f"{ratios.batched:.2f}",
            "reference": exact.by,
            "other": exact.other,
            "distance": "" if exact.distance is None else f"{exact.distance:.1e}",
        }
        _say(note)
        references.append(note)
        for solver, run in solvers().items():
            # Peers that are over budget at a horizon are not asked for a longer one.
            if t1 > 100 and solver != "KinkResolved":
                continue
            for rtol in DECADES:
                made = run(field, ratios, t1, rtol)
                rows.append(_row(field, t1, solver, rtol, made, exact.state))
                _say(rows[-1])
                # Ours may cost most at the loosest tolerance, where it chatters.
                if made.status == OVER_BUDGET and solver != "KinkResolved":
                    break
        laws += drifts(field, t1)
    _merge(options.out / "references.csv", references)
    _merge(options.out / "results.csv", rows)
    if laws:
        _merge(options.out / "laws.csv", laws)


def _row(field, t1, solver, rtol, made, exact) -> dict:
    solved = made.status == SOLVED
    blank = lambda x: "" if x is None else x
    text = made.solution.events[-1][1] if solver == "KinkResolved" and solved else ""
    words = text.split()
    return {
        "problem": field.case.name,
        "t1": f"{t1:g}",
        "solver": solver,
        "rtol": f"{rtol:.0e}",
        "status": made.status,
        "error": f"{field.distance(made.state, exact):.3e}" if solved else "",
        "gradient_equivalents": f"{made.equivalents:.0f}",
        "wall_s": f"{made.wall_s:.3f}",
        "cpu_s": f"{made.cpu_s:.3f}",
        "accepted": blank(made.accepted),
        "rejected": blank(made.rejected),
        "crossed": words[0] if words else "",
        "held": words[3] if len(words) > 3 else "0" if words else "",
    }


def _say(row: dict) -> None:
    print(",".join(str(v) for v in row.values()), file=sys.stderr, flush=True)


def _merge(path: Path, rows: list[dict]) -> None:
    """Write the rows, and of those of before the ones of other problems."""
    key = lambda row: (row["problem"], row.get("t1"))
    new = {key(row) for row in rows}
    if path.exists():
        rows = [r for r in write_up.read(path) if key(r) not in new] + rows
    order = [*SUBJECTS, "scaling"]
    rows.sort(key=lambda row: (order.index(row["problem"]), float(row.get("t1", 0))))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
