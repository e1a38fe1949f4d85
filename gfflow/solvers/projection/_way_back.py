"""Which of the three ways back to the level set of laws is taken."""

from collections.abc import Sequence
from typing import Literal

from ...laws import Law
from ._units import symmetries_of

Way = Literal["rescaling", "balancing", "gauss-newton"]


def way_back(laws: Sequence[Law]) -> Way:
    """How these laws are restored together.

    By their symmetry where all come from rescalings of units, or all from linear maps
    of them, each of its own layer, at positive rates; along ∇h otherwise.
    """
    known = symmetries_of(laws)
    of_their_own = len({symmetry.rows[0] for symmetry in known}) == len(laws)
    if of_their_own and all(symmetry.positive for symmetry in known):
        groups = {symmetry.group for symmetry in known}
        if groups == {"rescaling"}:
            return "rescaling"
        if groups == {"linear"}:
            return "balancing"
    return "gauss-newton"
