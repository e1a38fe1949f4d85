"""The same fields at 60 digits, by mpmath; and pairs as its numbers."""

from collections.abc import Sequence

import by_hand
import jax
import jax.tree_util as jtu
import mpmath
import numpy as np
from subjects import Subject

mpmath.mp.dps = 60

OF_MPMATH = by_hand.Functions(mpmath.exp, mpmath.tanh, mpmath.mpf)

Numbers = list[mpmath.mpf]


def field(subject: Subject, parameters: Sequence[np.ndarray]) -> Numbers:
    """−∇L at parameters in float64, flat."""
    matrices = [[[mpmath.mpf(float(w)) for w in row] for row in p] for p in parameters]
    return [-value for value in gradient(subject, OF_MPMATH, matrices)]


def exactly(tree) -> Numbers:
    """Pairs in a pytree, the last row of each array that has rows, as exact numbers."""
    is_pair = lambda x: type(x).__name__ == "Pair"
    numbers = []
    for pair in jtu.tree_leaves(tree, is_leaf=is_pair):
        upper, lower = (np.ravel(jax.device_get(part)) for part in pair)
        numbers += [mpmath.mpf(float(a)) + float(b) for a, b in zip(upper, lower)]
    return numbers


def gradient(subject: Subject, functions: by_hand.Functions, matrices) -> list:
    """∇L, flat."""
    problem = subject.problem
    data = np.asarray(problem.inputs), np.asarray(problem.targets)
    found = subject.gradient(functions, matrices, *data)
    return [value for matrix in found for row in matrix for value in row]
