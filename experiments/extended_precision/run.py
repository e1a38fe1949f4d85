"""Writes table.md: fields, laws and end states in double-double arithmetic, against
mpmath and heyoka.

    python experiments/extended_precision/run.py
"""

import json
import sys
import time
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

import jax

jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import reference
import subjects

import gfflow as gf
from gfflow.double_double import Pair, on_pairs

TOLERANCES = (1e-18, 1e-22, 1e-26, 1e-28)
POINTS = 5
ENDS = json.loads((FOLDER / "ends.json").read_text(encoding="utf-8"))


def field_error(subject: subjects.Subject) -> float:
    """The largest error of −∇L over random points, relative to its largest entry."""
    flow, problem = gf.GradientFlow(), subject.problem

    @jax.jit
    def field(parameters):
        slope = lambda p: flow.vector_field(0.0, p, problem)
        exact = jtu.tree_map(lambda x: Pair(x, jnp.zeros_like(x)), parameters)
        return on_pairs(slope, exact)

    leaves, structure = jtu.tree_flatten(problem.parameters)
    worst = 0.0
    for point in range(POINTS):
        keys = jax.random.split(jax.random.key(point), len(leaves))
        drawn = [jax.random.normal(k, leaf.shape) for k, leaf in zip(keys, leaves)]
        found = reference.exactly(field(jtu.tree_unflatten(structure, drawn)))
        exact = reference.field(subject, [np.asarray(leaf) for leaf in drawn])
        worst = max(worst, relative(found, exact))
    return worst


def relative(found: reference.Numbers, exact: reference.Numbers) -> float:
    """The largest difference over the largest entry."""
    return float(max(abs(a - b) for a, b in zip(found, exact)) / max(map(abs, exact)))


def rows(name: str) -> tuple[str, list[str]]:
    """Of the two tables."""
    subject = subjects.subject(name)
    exact = [reference.mpmath.mpf(digits) for digits in ENDS[name]]
    lines = []
    for tolerance in TOLERANCES:
        settings = {"t1": subject.t1, "saveat": gf.linear_times(0.5, subject.t1, 8)}
        call = lambda: gf.solve_extended(
            gf.GradientFlow(),
            subject.problem,
            rtol=tolerance,
            laws=subject.laws,
            **settings,
        )
        call()
        began = time.perf_counter()
        solution = call()
        seconds = time.perf_counter() - began
        assert solution.status_name == "successful"
        last = jtu.tree_map(lambda x: x[-1], solution.states)
        true, false = (np.asarray(v.drift) for v in solution.laws.values())
        expected = expected_drift(subject, solution)
        lines.append(
            f"| {name} | {tolerance:.0e} | {solution.accepted} + {solution.rejected} "
            f"| {relative(reference.exactly(last), exact):.1e} "
            f"| {np.abs(true).max():.1e} | {false[-1]:.4e} | {expected:.4e} "
            f"| {seconds:.2f} |"
        )
    points = f"| {name} | {subject.problem.size} | {field_error(subject):.1e} |"
    return points, lines


def expected_drift(subject: subjects.Subject, solution: gf.ExtendedSolution) -> float:
    """Of the law that is false by 1e-18, where |B|² − |A|² is conserved: −1e-18 of the
    change of |A|², over the largest |A|² + |B|²."""
    false = subject.laws[1]
    states = jtu.tree_map(lambda p: p.hi, solution.states, is_leaf=_is_pair)
    models = jax.vmap(subject.problem.model_at)(states)
    both = jax.vmap(lambda m: false.absolute_value(0.0, m))(models)
    difference = jax.vmap(lambda m: false(0.0, m))(models)
    first = (both - difference) / 2
    return float(-1e-18 * (first[-1] - first[0]) / both.max())


def _is_pair(value) -> bool:
    return isinstance(value, Pair)


def main() -> None:
    """Both tables."""
    fields, solves = zip(*(rows(name) for name in subjects.SUBJECTS))
    text = [
        "| network | parameters | largest error of the field |",
        "|---|---|---|",
        *fields,
        "",
        "| network | rtol | steps | error at t1 | drift, balancedness "
        "| drift, false by 1e-18 | expected | seconds |",
        "|---|---|---|---|---|---|---|---|",
        *(line for lines in solves for line in lines),
    ]
    (FOLDER / "table.md").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))


if __name__ == "__main__":
    main()
