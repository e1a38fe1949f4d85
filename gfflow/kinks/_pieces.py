"""A problem whose kinks are held by gates: gradient and margins."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Int

from .._typing import Parameters
from ..problem import Problem
from ._reading import Gates, Reading, arguments_of


class Pieces(NamedTuple):
    """The pieces in which a problem's loss is smooth, one for each setting of gates.

    Gates are those of all samples: `own` has shape `(N, m)`, `shared` `(k,)`.
    """

    reading: Reading
    problem: Problem

    def bits(self, parameters: Parameters) -> Gates:
        """The gates that the program itself takes, truth values."""
        see = lambda x, y: self._see(parameters, x, y, None).bits
        seen = self._over_samples(see)
        return Gates(seen.own, seen.shared[0])

    def margins(self, parameters: Parameters, gates: Gates) -> Gates:
        """Of all kinks, those before them held by the gates.

        Those of a sample of weight 0 are infinite: it has no kinks.
        """
        see = lambda x, y, own: (
            self._see(parameters, x, y, Gates(own, gates.shared)).margins
        )
        seen = self._over_samples(see, gates.own)
        own, weights = seen.own, self.problem.weights
        if self.problem.absences and weights is not None:
            side = jnp.where(gates.own, jnp.inf, -jnp.inf)
            own = jnp.where((weights == 0)[:, None], side, own)
        return Gates(own, seen.shared[0])

    def gradient(self, parameters: Parameters, gates: Gates) -> Parameters:
        """Of the mean loss."""

        def of(parameters, inputs, targets, weights):
            x, own = inputs

            def total(p):
                one = lambda x, y, g: self._see(p, x, y, Gates(g, gates.shared)).loss
                losses = jax.vmap(one)(x, targets, own)
                return jnp.sum(losses if weights is None else weights * losses)

            made = jax.grad(total)(parameters)
            return jtu.tree_map(lambda g: g / self.problem.normaliser, made)

        problem = eqx.tree_at(
            lambda p: p.inputs, self.problem, (self.problem.inputs, gates.own)
        )
        return problem.accumulate(of, parameters, problem.chunk)

    def gradient_of(
        self, sample: Int[Array, ""], parameters: Parameters, gates: Gates
    ) -> Parameters:
        """What one sample adds to the gradient, by gates of its own."""
        x, y = self._sample(sample)
        made = jax.grad(lambda p: self._see(p, x, y, gates).loss)(parameters)
        weights = self.problem.weights
        weight = 1.0 if weights is None else weights[sample]
        scale = weight / self.problem.normaliser
        return jtu.tree_map(lambda g: scale * g, made)

    def margins_of(
        self, sample: Int[Array, ""], parameters: Parameters, gates: Gates
    ) -> Gates:
        """The margins of one sample."""
        return self._see(parameters, *self._sample(sample), gates).margins

    def _sample(self, sample: Int[Array, ""]):
        pick = lambda tree: jtu.tree_map(lambda x: x[sample], tree)
        return pick(self.problem.inputs), pick(self.problem.targets)

    def _see(self, parameters, x, y, gates: Gates | None):
        return self.reading.see(arguments_of(self.problem, parameters, x, y), gates)

    def _over_samples(self, see, *more):
        data = (*self.problem.present, *more)
        chunk = self.problem.chunk
        if chunk is None:
            return jax.vmap(see)(*data)
        return jax.lax.map(lambda given: see(*given), data, batch_size=chunk)
