"""Gradients of three small networks, written out by hand.

They share no line with JAX nor with gfflow. A number is anything with +, −, ·, / and a
function of the module `functions`: mpmath's numbers, or heyoka's expressions. A matrix
is a list of rows.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Matrix = list[list[Any]]


class Functions(NamedTuple):
    """`exp`, `tanh` of one kind of numbers, and `constant`, from a float64 number."""

    exp: Callable[[Any], Any]
    tanh: Callable[[Any], Any]
    constant: Callable[[float], Any]


Gradient = Callable[[Functions, Sequence[Matrix], Any, Any], list[Matrix]]


def linear(functions: Functions, weights: Sequence[Matrix], x: Any, y: Any):
    """Of the mean of (W₂W₁x − y)² over samples and outputs."""
    first, second = weights
    inputs, targets = _constants(functions, x), _constants(functions, y)
    hidden = _product(inputs, _turned(first))
    error = _residual(functions, _product(hidden, _turned(second)), targets)
    back = _product(error, second)
    return [_product(_turned(back), inputs), _product(_turned(error), hidden)]


def bottleneck(functions: Functions, weights: Sequence[Matrix], x: Any, y: Any):
    """Of the mean of (W₃ tanh(W₂W₁x) − y)² over samples and outputs."""
    first, second, third = weights
    inputs, targets = _constants(functions, x), _constants(functions, y)
    hidden = _product(inputs, _turned(first))
    bent = [
        [functions.tanh(z) for z in row] for row in _product(hidden, _turned(second))
    ]
    error = _residual(functions, _product(bent, _turned(third)), targets)
    back = [
        [g * (1 - a * a) for g, a in zip(row, values)]
        for row, values in zip(_product(error, third), bent)
    ]
    return [
        _product(_turned(_product(back, second)), inputs),
        _product(_turned(back), hidden),
        _product(_turned(error), bent),
    ]


def attention(functions: Functions, weights: Sequence[Matrix], x: Any, y: Any):
    """Of the mean over samples of the cross-entropy of V mean_i Σ_j A_ij x_j, where
    A = softmax over j of (Qx_i)·(Kx_j); y are labels."""
    query, key, value = weights
    samples = functions.constant(len(x))
    total = [[[0 for _ in row] for row in matrix] for matrix in weights]
    for sample, label in zip(x, y):
        tokens = _constants(functions, sample)
        q, k = _product(tokens, _turned(query)), _product(tokens, _turned(key))
        share = [_softmax(functions, row) for row in _product(q, _turned(k))]
        mixed = _product(share, tokens)
        mean = [sum(column) / functions.constant(len(mixed)) for column in zip(*mixed)]
        logits = [row[0] for row in _product(value, [[z] for z in mean])]
        chances = _softmax(functions, logits)
        error = [p - (1 if c == int(label) else 0) for c, p in enumerate(chances)]
        back = _product([error], value)[0]
        seen = [_dot(back, token) / functions.constant(len(tokens)) for token in tokens]
        slope = [
            [a * (s - _dot(row, seen)) for a, s in zip(row, seen)] for row in share
        ]
        parts = (
            _product(_turned(_product(slope, k)), tokens),
            _product(_turned(_product(_turned(slope), q)), tokens),
            [[e * z for z in mean] for e in error],
        )
        total = [_sum(matrix, part) for matrix, part in zip(total, parts)]
    return [[[g / samples for g in row] for row in matrix] for matrix in total]


def _constants(functions: Functions, table) -> Matrix:
    return [[functions.constant(float(value)) for value in row] for row in table]


def _residual(functions: Functions, output: Matrix, targets: Matrix) -> Matrix:
    count = functions.constant(len(output) * len(output[0]))
    return [
        [2 * (z - y) / count for z, y in zip(row, wanted)]
        for row, wanted in zip(output, targets)
    ]


def _softmax(functions: Functions, row):
    powers = [functions.exp(z) for z in row]
    total = sum(powers[1:], powers[0])
    return [power / total for power in powers]


def _dot(a, b):
    products = [x * y for x, y in zip(a, b)]
    return sum(products[1:], products[0])


def _product(a: Matrix, b: Matrix) -> Matrix:
    columns = _turned(b)
    return [[_dot(row, column) for column in columns] for row in a]


def _turned(a: Matrix) -> Matrix:
    return [list(column) for column in zip(*a)]


def _sum(a: Matrix, b: Matrix) -> Matrix:
    return [[x + y for x, y in zip(one, other)] for one, other in zip(a, b)]
