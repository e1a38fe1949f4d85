"""Minibatches of a fixed size, drawn by a seeded schedule."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Int

from .._errors import SolveError
from ..problem import Problem


@final
class Batches(eqx.Module):
    """The indices of step k are a function of the seed and k alone.

    **Attributes:**

    - `seed`: of the draws.
    - `size`: B, or `None` for all samples.
    - `replacement`: B independent indices a step; otherwise a new permutation an
        epoch, cut into ⌊N/B⌋ batches, the rest of it left out.
    """

    seed: Int[Array, ""]
    size: int | None = eqx.field(static=True)
    replacement: bool = eqx.field(static=True)

    def check(self, samples: int) -> None:
        """**Raises:** `SolveError` for a batch larger than the data."""
        if self.size is not None and not 1 <= self.size <= samples:
            raise SolveError(
                f"batch must be from 1 to the number of samples, {samples}; "
                f"got {self.size}"
            )

    def first_order(self, samples: int) -> Int[Array, " N"] | None:
        """What `draw` takes at step 0; `None` where there are no epochs."""
        if self.size is None or self.replacement:
            return None
        return jnp.arange(samples)

    def draw(
        self, samples: int, step: Int[Array, ""], order: Int[Array, " N"] | None
    ) -> tuple[Int[Array, " B"] | None, Int[Array, " N"] | None]:
        """The samples of a step, `None` for all, and the permutation of its epoch.

        **Arguments:**

        - `order`: the permutation of the epoch of the step before.
        """
        if self.size is None:
            return None, None
        if self.replacement:
            key = jax.random.fold_in(jax.random.key(self.seed), step)
            return jax.random.randint(key, (self.size,), 0, samples), None
        epoch, place = jnp.divmod(step, samples // self.size)
        order = jax.lax.cond(
            place == 0, lambda: self._permutation(epoch, samples), lambda: order
        )
        assert order is not None
        return jax.lax.dynamic_slice(order, (place * self.size,), (self.size,)), order

    def part(self, problem: Problem, index: Int[Array, " B"] | None) -> Problem:
        """The problem on these samples.

        Its loss is N/B times their part of the mean loss: its mean over the draws is
        the loss.
        """
        if index is None:
            return problem
        inputs, targets = problem.present
        take = lambda tree: jtu.tree_map(lambda x: x[index], tree)
        return eqx.tree_at(
            lambda p: (p.inputs, p.targets, p.weights, p.normaliser),
            problem,
            (
                take(inputs),
                take(targets),
                take(problem.weights),
                problem.normaliser * (len(index) / problem.samples),
            ),
            is_leaf=lambda x: x is None,
        )

    def _permutation(self, epoch, samples):
        key = jax.random.fold_in(jax.random.key(self.seed), epoch)
        return jax.random.permutation(key, samples)
