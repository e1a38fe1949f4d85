"""Random data for the fields of a subject."""

from typing import NamedTuple, final

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ...problem import Problem
from ._field import Datum
from ._flat_state import FlatState
from ._random_arrays import AROUND, drawn_inputs, drawn_like, drawn_targets

_SEVERAL = 4


@final
class Draw(NamedTuple):
    """(random, count, together) → that many data, leaves `(count, ...)`.

    **Attributes:**

    - `span`: a basis of the cotangents, `(v, outputs)`; `None` where they depend on the
        prediction: then a target is drawn.
    - `sums`: whether a datum is several, for a flow that is not affine.
    - `scales`: whether the parameters are scaled by a factor from e⁻¹ to e, not by 1.
    - `on_data`: whether inputs are those of the problem, not random ones.
    """

    problem: Problem
    state: FlatState
    span: np.ndarray | None
    sums: bool
    scales: bool
    on_data: bool = False

    def __call__(
        self,
        random: np.random.Generator,
        count: int,
        together: int,
        decades: tuple[float, float] = AROUND,
    ) -> Datum:
        """**Arguments:** `together`, `decades`: inputs are of like size in runs of so
        many, and of sizes between these powers of ten of that of the data."""
        others = [drawn_like(random, leaf, count) for leaf in self.state.rest]
        factors = (
            np.exp(random.uniform(-1, 1, count)) if self.scales else np.ones(count)
        )
        factors = jnp.asarray(factors)
        if not self.sums:
            return others, factors, self._pairs(random, count, together, decades)
        count, together = count * _SEVERAL, together * _SEVERAL
        data = self._pairs(random, count, together, decades)
        split = lambda a: a.reshape(-1, _SEVERAL, *a.shape[1:])
        return others, factors, jtu.tree_map(split, data)

    def _pairs(self, random: np.random.Generator, count: int, together: int, decades):
        x = self._inputs(random, count, together, decades)
        if self.span is None:
            return x, drawn_targets(random, self.problem, count)
        weights = random.standard_normal((count, len(self.span)))
        return x, jnp.asarray(weights @ self.span)

    def _inputs(self, random: np.random.Generator, count: int, together: int, decades):
        if not self.on_data:
            return drawn_inputs(random, self.problem, count, together, decades)
        inputs = self.problem.present[0]
        samples = jtu.tree_leaves(inputs)[0].shape[0]
        chosen = random.integers(0, samples, count)
        return jtu.tree_map(lambda a: a[chosen], inputs)
