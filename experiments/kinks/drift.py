"""Drift of the laws of rescaling under KinkResolved."""

import jax.numpy as jnp
import numpy as np
from flat import FlowField
from solvers import OURS, ours

import gfflow as gf

RTOLS = (1e-3, 1e-5, 1e-7, 1e-9, 1e-11, 1e-13)
_SUBJECTS = {("leaky_cancer", 10.0), ("sliding", 100.0)}


def drifts(field: FlowField, t1: float) -> list[dict]:
    """The largest drift of a law over its scale, tolerance by tolerance."""
    if (field.case.name, t1) not in _SUBJECTS:
        return []
    laws = [
        law
        for law in gf.known_laws(field.problem, field.case.flow)
        if law.degree == "quadratic" and law.absolute
    ]
    run = ours(OURS["KinkResolved"], laws=tuple(laws))
    rows = []
    for rtol in RTOLS:
        made = run(field, None, t1, rtol)
        if made.solution.status_name != "successful":
            continue
        largest = 0.0
        for law in laws:
            name = law.name
            values = np.asarray(made.solution.laws[name])
            change = np.abs(values[-1] - values[0])
            scales = [
                np.asarray(law.absolute_value(0.0, _view(field, np.abs(y))))
                for y in (field.start, made.state)
            ]
            largest = max(largest, float(np.max(change / np.maximum(*scales))))
        rows.append(
            {
                "problem": field.case.name,
                "t1": f"{t1:g}",
                "laws": sum(law.count for law in laws)
                if hasattr(laws[0], "count")
                else len(laws),
                "rtol": f"{rtol:.0e}",
                "drift": f"{largest:.1e}",
            }
        )
    return rows


def _view(field, y):
    return field.problem.model_at(field.unravel(jnp.asarray(y)))
