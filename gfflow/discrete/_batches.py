"""Minibatches of a fixed size, drawn by a seeded schedule."""

from typing import final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Int

from .._errors import SolveError
from .._problem import Problem


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
        """The permutation of the first epoch, where there is one."""
        if self.size is None or self.replacement:
            return None
        return self._permutation(jnp.zeros((), int), samples)

    def draw(
        self, problem: Problem, step: Int[Array, ""], order: Int[Array, " N"] | None
    ) -> tuple[Problem, Int[Array, " N"] | None]:
        """The problem on the batch of a step, and the permutation of its epoch.

        The loss of a batch is N/B times its part of the mean loss: the mean over the
        draws is the loss.
        """
        if self.size is None:
            return problem, None
        samples = problem.samples
        if self.replacement:
            key = jax.random.fold_in(jax.random.key(self.seed), step)
            index = jax.random.randint(key, (self.size,), 0, samples)
        else:
            epoch, place = jnp.divmod(step, samples // self.size)
            order = jax.lax.cond(
                place == 0, lambda: self._permutation(epoch, samples), lambda: order
            )
            assert order is not None
            index = jax.lax.dynamic_slice(order, (place * self.size,), (self.size,))
        part = lambda tree: jtu.tree_map(lambda x: x[index], tree)
        part = eqx.tree_at(
            lambda p: (p.inputs, p.targets, p.weights, p.normaliser),
            problem,
            (
                part(problem.inputs),
                part(problem.targets),
                part(problem.weights),
                problem.normaliser * (self.size / samples),
            ),
            is_leaf=lambda x: x is None,
        )
        return part, order

    def _permutation(self, epoch, samples):
        key = jax.random.fold_in(jax.random.key(self.seed), epoch)
        return jax.random.permutation(key, samples)
