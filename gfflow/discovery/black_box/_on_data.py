"""Laws of one data set: which of them hold for all data."""

from ..polynomials import Polynomial
from ._search import Search

THIS_DATA = "round-off, for this data only"


def told(law: Polynomial, search: Search) -> str:
    """How a law that was found on this data holds.

    **Arguments:**

    - `search`: one on all data.
    """
    return "round-off" if search.holds(law, search.fresh()) else THIS_DATA


def said(verified: list[str], found: int, number: int | None) -> str:
    """How many laws hold for these inputs only.

    **Arguments:**

    - `found`, `number`: of laws for all data; how many there are, if that is known.
    """
    own = verified.count(THIS_DATA)
    all_data = f"for all data {found} were found"
    if number is not None:
        all_data += f", and there are {number}"
    return (
        f"on these inputs, with any targets and weights: {own} of the laws hold for "
        f"them only; {all_data}"
    )
