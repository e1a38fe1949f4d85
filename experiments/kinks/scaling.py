"""Cost against the number of samples, which sets how many kinks are crossed."""

import math

import numpy as np
from flat import FlowField
from solvers import solvers
from subjects import NUMBERS, SCALING, SEEDS

from cost import measure  # isort: skip
from outcome import OVER_BUDGET  # isort: skip
from work import cost_at

LEVEL = 1e-6
_RTOLS = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
_COMPARED = ("KinkResolved", "Auto", "CVODE GMRES(5)", "scipy LSODA")


def scaling(say) -> list[dict]:
    """Gradient equivalents for an error of 1e-6, of each number and seed of the data;
    `inf` where it is not reached in the budget."""
    rows = []
    for number in NUMBERS:
        for seed in SEEDS:
            rows += _one(number, seed, say)
    return rows


def _one(number, seed, say) -> list[dict]:
    field = FlowField.of(SCALING[number, seed])
    ratios = measure(field, seconds=1.0)
    (t1,) = field.case.horizons
    every = solvers()
    exact = every["KinkResolved"](field, ratios, t1, 1e-10)
    rows = []
    for name in _COMPARED:
        points = []
        for rtol in _RTOLS:
            made = every[name](field, ratios, t1, rtol)
            error = (
                "" if made.state is None else field.distance(made.state, exact.state)
            )
            points.append({"error": error, "cost": made.equivalents, "cpu": made.cpu_s})
            if made.status == OVER_BUDGET or (error and error < LEVEL):
                break
        words = exact.solution.events[-1][1].split()
        cost = cost_at(points, LEVEL, "cost")
        rows.append(
            {
                "problem": "scaling",
                "samples": number,
                "seed": seed,
                "solver": name,
                "gradient_equivalents": f"{cost:.0f}",
                "cpu_s": f"{cost_at(points, LEVEL, 'cpu'):.3f}",
                "crossed": words[0],
                "held": words[3] if len(words) > 3 else "0",
            }
        )
        say(rows[-1])
    return rows


def growth(rows: list[dict], solver: str, column: str) -> float:
    """The factor a decade of samples, by regression of logarithms; NaN if a run
    is missing."""
    own = [row for row in rows if row["solver"] == solver]
    values = [float(row[column]) for row in own]
    if not all(map(math.isfinite, values)):
        return math.nan
    decades = np.log10([float(row["samples"]) for row in own])
    return float(10 ** np.polyfit(decades, np.log10(values), 1)[0])
