"""Twelve ways to change a certificate so that it does not prove what it says."""

from collections.abc import Callable
from typing import Any, NamedTuple


class Tampering(NamedTuple):
    """**Attributes:** `of`: the certificate that it is done to, in place."""

    what: str
    of: str
    change: Callable[[dict[str, Any]], None]


def _coefficient(terms: list) -> None:
    terms[0][0] += 1


def _dropped_law(c: dict[str, Any]) -> None:
    c["laws"].pop()


def _point(c: dict[str, Any]) -> None:
    c["ranks"][0]["point"][0] += 1


def _pivot(c: dict[str, Any]) -> None:
    columns = c["ranks"][0]["columns"]
    columns[-1] = min(set(range(c["state"])) - set(columns))


def _composite(c: dict[str, Any]) -> None:
    c["ranks"][0]["prime"] += 2


def _repeated(c: dict[str, Any]) -> None:
    recipes = c["ranks"][0]["recipes"]
    recipes[1] = recipes[0]


def _recipe(c: dict[str, Any]) -> None:
    c["ranks"][0]["recipes"][-1][0] += 1


def _false_law(c: dict[str, Any]) -> None:
    """The square of a parameter, in the place of a law that was not found."""
    c["laws"][-1] = [[1, [0, 0]]]


def _same_law(c: dict[str, Any]) -> None:
    """The sum of two laws, as one more."""
    c["laws"].append(c["laws"][0] + c["laws"][1])
    c["law_columns"].append(min(set(range(c["state"])) - set(c["law_columns"])))
    c["lower_bound"] += 1


def _forged(c: dict[str, Any]) -> None:
    """A law is lost, and the bounds say that there is none more."""
    c["laws"].pop()
    c["law_columns"].pop()
    c["lower_bound"] -= 1
    c["upper_bound"] -= 1


def _lost_coordinate(c: dict[str, Any]) -> None:
    c["phi"].pop()


def _lost_and_counted(c: dict[str, Any]) -> None:
    c["phi"].pop()
    c["coordinates"] -= 1


def _metric(c: dict[str, Any]) -> None:
    """Gradient flow in the place of mirror flow: each factor is 1."""
    for direction in c["directions"]:
        direction[2] = [[1, []]]


def _drift(c: dict[str, Any]) -> None:
    """Another friction."""
    _coefficient(next(terms for i, terms in reversed(c["drift"]) if terms))


TAMPERINGS = [
    Tampering("a coefficient of φ", "deep_linear", lambda c: _coefficient(c["phi"][0])),
    Tampering("a coefficient of a law", "relu", lambda c: _coefficient(c["laws"][0])),
    Tampering("a law is lost", "softmax", _dropped_law),
    Tampering("a law is false", "deep_relu", _false_law),
    Tampering("a law is the sum of two others", "linear", _same_law),
    Tampering("a law is lost, and the bounds forged", "convolution", _forged),
    Tampering("a point", "relu_squared", _point),
    Tampering("a pivot", "linear", _pivot),
    Tampering("a prime is none", "tensor", _composite),
    Tampering("a recipe twice", "attention", _repeated),
    Tampering("a number in a recipe", "heavy_ball", _recipe),
    Tampering("a coordinate of φ is lost", "relu", _lost_coordinate),
    Tampering("the same, and counted so", "relu", _lost_and_counted),
    Tampering("another metric", "factorisation", _metric),
    Tampering("another friction", "nesterov", _drift),
]
