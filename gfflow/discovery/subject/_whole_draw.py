"""Random data of whole numbers."""

from typing import NamedTuple, final

import jax.numpy as jnp
import numpy as np

from ...problem import Problem
from ..polynomials import rational_basis
from ._field import Datum
from ._flat_state import FlatState
from ._random_arrays import drawn_whole, drawn_whole_inputs


@final
class WholeDraw(NamedTuple):
    """(random, count, bound) → that many data of whole numbers up to the bound.

    **Attributes:** as of `Draw`.
    """

    problem: Problem
    state: FlatState
    span: np.ndarray | None
    sums: bool

    def __call__(
        self, random: np.random.Generator, count: int, bound: int
    ) -> Datum | None:
        """**Returns:** `None` where cotangents cannot be whole."""
        rest = self.state.rest
        others = [drawn_whole(random, leaf, count, bound) for leaf in rest]
        if self.sums or self.span is None:
            return None
        whole = rational_basis(self.span)
        if len(whole) < len(self.span):
            return None
        x = drawn_whole_inputs(random, self.problem, count, bound)
        basis = np.array([[float(entry) for entry in row] for row in whole])
        w = random.integers(-bound, bound + 1, (count, len(basis))) @ basis
        return others, jnp.ones(count), (x, jnp.asarray(w))
