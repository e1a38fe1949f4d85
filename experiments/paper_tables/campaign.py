"""The architectures of Marcotte, Gribonval and Peyré, drawn as their notebooks do.

NeurIPS 2023 (arXiv 2307.00144, github.com/sibyllema/Conservation_laws, `main.ipynb`)
and ICML 2024 (arXiv 2405.12888, Conservation_laws_ICML, `main_ICML.ipynb`): NumPy's
legacy generator, seed 0 for each study.

Their momentum studies draw τ from randint(0, 1), which is always 0; here each of their
architectures is counted at τ = 0, at a constant τ and at τ = 3/t.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np


class Case(NamedTuple):
    """One count to make.

    **Fields:** `family`: a name in `gfflow.discovery.exact.families`; `friction`: empty
    for gradient flow; `searched`: find the laws, do not use the known ones.
    """

    study: str
    family: str
    arguments: tuple
    expected: int
    friction: str = ""
    searched: bool = False


class Study(NamedTuple):
    """**Fields:** `seconds`: the authors' wall time, with 64 threads."""

    name: str
    seconds: int | None
    draw: Callable[[str], Iterator[Case]]


FRICTIONS = ("free", "constant", "nesterov")


def studies() -> list[Study]:
    return [
        Study("linear", 2063, _linear),
        Study("ReLU", 6791, _relu),
        Study("linear, laws searched", 91, _searched_linear),
        Study("ReLU, laws searched", 44, _searched_relu),
        Study("linear, momentum", 139, _momentum_linear),
        Study("ReLU, momentum", 63, _momentum_relu),
        Study("NMF", 448, _nmf),
        Study("NMF, momentum", 105, _momentum_nmf),
        Study("ICNN", 756, _icnn),
        Study("ICNN, momentum", 729, _momentum_icnn),
    ]


def _widths(random, depths, low: int, high: int) -> tuple[int, ...]:
    depth = random.randint(*depths)
    return tuple(int(random.randint(low, high)) for _ in range(depth + 1))


def _linear(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(50):
        widths = _widths(random, (2, 5), 2, 6)
        yield Case(study, "linear", (widths,), balancedness_rank(widths))


def _relu(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(50):
        widths = _widths(random, (2, 5), 2, 10)
        bias = bool(random.random_sample() < 0.5)
        yield Case(study, "relu", (widths, bias), sum(widths[1:-1]))


def _searched_linear(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(10):
        widths = _widths(random, (2, 4), 2, 5)
        expected = balancedness_rank(widths)
        yield Case(study, "linear", (widths,), expected, searched=True)


def _searched_relu(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(10):
        widths = _widths(random, (2, 4), 2, 5)
        expected = sum(widths[1:-1])
        yield Case(study, "relu", (widths, False), expected, searched=True)


def _momentum_linear(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(20):
        widths = _widths(random, (2, 4), 1, 4)
        random.randint(0, 1)
        for friction in FRICTIONS:
            yield Case(study, "linear", (widths,), turns(widths), friction)


def _momentum_relu(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(20):
        widths = _widths(random, (2, 4), 1, 4)
        random.randint(0, 1)
        bias = bool(random.random_sample() < 0.5)
        for friction in FRICTIONS:
            yield Case(study, "relu", (widths, bias), 0, friction)


def _nmf(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(20):
        n, r, m = (int(random.randint(1, 8)) for _ in range(3))
        yield Case(study, "nmf", (n, m, r), r)


def _momentum_nmf(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(20):
        n, r, m = (int(random.randint(1, 6)) for _ in range(3))
        random.randint(0, 1)
        for friction in FRICTIONS:
            yield Case(study, "nmf", (n, m, r), 0, friction)


def _icnn(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(20):
        n, r, m = (int(random.randint(1, 6)) for _ in range(3))
        bias = bool(random.random_sample() < 0.5)
        yield Case(study, "icnn", (m, r, n, bias), r)


def _momentum_icnn(study: str) -> Iterator[Case]:
    random = np.random.RandomState(0)
    for _ in range(20):
        n, r, m = (int(random.randint(1, 6)) for _ in range(3))
        bias = bool(random.random_sample() < 0.5)
        random.randint(0, 1)
        for friction in FRICTIONS:
            yield Case(study, "icnn", (m, r, n, bias), 0, friction)


def balancedness_rank(widths: tuple[int, ...]) -> int:
    """Rank in float64 of the gradients of W_lW_lᵀ − W_{l+1}ᵀW_{l+1} at a random point:
    what the authors compare with.
    """
    random = np.random.RandomState(1)
    shapes = list(zip(widths[1:], widths))
    weights = [random.normal(size=shape) for shape in shapes]
    rows = []
    for layer, width in enumerate(widths[1:-1]):
        for a in range(width):
            for b in range(a + 1):
                row = [np.zeros(shape) for shape in shapes]
                row[layer][a] += weights[layer][b]
                row[layer][b] += weights[layer][a]
                row[layer + 1][:, a] -= weights[layer + 1][:, b]
                row[layer + 1][:, b] -= weights[layer + 1][:, a]
                rows.append(np.concatenate([part.ravel() for part in row]))
    return int(np.linalg.matrix_rank(np.array(rows)))


def turns(widths: tuple[int, ...]) -> int:
    """k(2r − k − 1)/2, k = min(r, 2(n + m)), for each hidden layer r between n and m;
    2(2r − 3) where n = m = 1, r > 1.
    """
    found = 0
    for n, r, m in zip(widths, widths[1:], widths[2:]):
        k = min(r, 2 * (n + m))
        scalar = n == m == 1 and r > 1
        found += 2 * (2 * r - 3) if scalar else k * (2 * r - k - 1) // 2
    return found
