"""A kink that a solver has met."""

from typing import NamedTuple


class MetKink(NamedTuple):
    """- `t`: when, in flow time.
    - `what`: `"opened"` or `"closed"`, where the flow crossed it to the side on which
        its margin is positive or negative; `"held"` from where it slides along it, and
        `"left"` where that ends.
    - `sample`: of the problem; `None` for a kink that all samples share.
    - `kink`: the number of the comparison in the program of the model, from 0.
    - `place`: of the entry in its array.
    """

    t: float
    what: str
    sample: int | None
    kink: int
    place: tuple[int, ...]
