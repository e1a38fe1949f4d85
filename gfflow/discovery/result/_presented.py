"""Polynomials as the laws, formulas and supports of a `Discovery`."""

from ...flows import AbstractFlow, Clock
from ...laws import Law
from ..polynomials import Layout, Polynomial, formula, leading_sign
from ._polynomial_law import polynomial_law

_LONGEST_NAME = 100


def presented(
    laws: list[Polynomial], layout: Layout, flow: AbstractFlow, clock: Clock
) -> tuple[list[Law], dict[str, str], dict[str, tuple[str, ...]]]:
    """The laws, name → formula, and name → paths. The name is the formula, or a number
    and the paths where that is long."""
    made, expressions, supports = [], {}, {}
    for number, law in enumerate(laws, start=1):
        sign = leading_sign(law, layout)
        law = Polynomial({m: sign * c for m, c in law.terms.items()})
        text = formula(law, layout)
        places = sorted({layout.locate(i)[0] for i in law.support})
        paths = tuple(layout.names[a] for a in places if a >= len(clock))
        short = len(text) <= _LONGEST_NAME
        name = text if short else f"law {number} of {', '.join(paths)}"
        made.append(polynomial_law(law, layout, name, flow, clock))
        expressions[name], supports[name] = text, paths
    return made, expressions, supports
