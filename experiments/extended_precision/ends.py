"""Writes ends.json: the parameters at t1, by heyoka's Taylor method in 200 bits.

    python experiments/extended_precision/ends.py

In a process of its own: XLA and heyoka both bring a compiler.
"""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))

import jax

jax.config.update("jax_enable_x64", True)

import by_hand
import heyoka
import jax.tree_util as jtu
import numpy as np
import reference
import subjects

_BITS, _DIGITS = 200, 50

OF_HEYOKA = by_hand.Functions(
    heyoka.exp, heyoka.tanh, lambda value: heyoka.expression(heyoka.real(value, _BITS))
)


def end(subject: subjects.Subject) -> list[str]:
    """The parameters at t1, flat, in 50 digits."""
    start = jtu.tree_leaves(subject.problem.parameters)
    numbers = np.concatenate([np.ravel(p) for p in start])
    names = [f"w{index:03}" for index in range(len(numbers))]
    variables = iter(heyoka.make_vars(*names))
    matrices = [[[next(variables) for _ in row] for row in p] for p in start]
    slopes = [-value for value in reference.gradient(subject, OF_HEYOKA, matrices)]
    system = list(zip(heyoka.make_vars(*names), slopes))
    state = [heyoka.real(float(value), _BITS) for value in numbers]
    integrator = heyoka.taylor_adaptive(system, state, fp_type=heyoka.real, prec=_BITS)
    outcome, *_ = integrator.propagate_until(heyoka.real(subject.t1, _BITS))
    assert outcome == heyoka.taylor_outcome.time_limit
    show = reference.mpmath.nstr
    return [
        show(reference.mpmath.mpf(str(value)), _DIGITS) for value in integrator.state
    ]


def main() -> None:
    """The file."""
    found = {name: end(subjects.subject(name)) for name in subjects.SUBJECTS}
    (FOLDER / "ends.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
