"""A problem whose kinks are held by gates: gradient and margins."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jaxtyping import Array, Int

from .._typing import Parameters
from ..problem import Problem
from ._reading import Gates, KinkReading, arguments_of


class Pieces(NamedTuple):
    """The pieces in which a problem's loss is smooth, one for each setting of gates.

    Gates are those of all samples: `own` has shape `(N, m)`, `shared` `(k,)`.
    """

    reading: KinkReading
    problem: Problem

    def bits(self, parameters: Parameters) -> Gates:
        """The gates that the program itself takes, truth values: `own` of shape
        `(N, m)`, `shared` of shape `(k,)`."""
        see = lambda x, y: self._see(parameters, x, y, None).bits
        seen = self._over_samples(see)
        return Gates(seen.own, seen.shared[0])

    def margins(self, parameters: Parameters, gates: Gates) -> Gates:
        """Of all kinks, those before them held by the gates; shapes as these.

        Those of a sample of weight 0 are infinite: it has no kinks.
        """
        see = lambda x, y, own: (
            self._see(parameters, x, y, Gates(own, gates.shared)).margins
        )
        seen = self._over_samples(see, gates.own)
        own, weights = seen.own, self.problem.weights
        if self.problem.absences and weights is not None:
            own = jnp.where((weights == 0)[:, None], _far(own, gates.own), own)
        return Gates(own, seen.shared[0])

    def gradient(self, parameters: Parameters, gates: Gates) -> Parameters:
        """Of the mean loss, a pytree like the parameters."""

        def of(parameters, inputs, targets, weights):
            x, own = inputs

            def total(p):
                def one(x, y, row):
                    row = jnp.zeros(0, bool) if row is None else row
                    return self._see(p, x, y, Gates(row, gates.shared)).loss

                losses = jax.vmap(one)(x, targets, own)
                return jnp.sum(losses if weights is None else weights * losses)

            made = jax.grad(total)(parameters)
            return jtu.tree_map(lambda g: g / self.problem.normaliser, made)

        # Arrays of no kinks cannot be cut into chunks.
        own = gates.own if self.reading.own else None
        problem = eqx.tree_at(
            lambda p: p.inputs, self.problem, (self.problem.inputs, own)
        )
        return problem.accumulate(of, parameters, problem.chunk)

    def gradient_of(
        self, sample: Int[Array, ""], parameters: Parameters, gates: Gates
    ) -> Parameters:
        """What one sample adds to the gradient, by gates of its own, shape `(m,)`."""
        x, y = self._sample(sample)
        made = jax.grad(lambda p: self._see(p, x, y, gates).loss)(parameters)
        weights = self.problem.weights
        weight = 1.0 if weights is None else weights[sample]
        scale = weight / self.problem.normaliser
        return jtu.tree_map(lambda g: scale * g, made)

    def margins_of(
        self, sample: Int[Array, ""], parameters: Parameters, gates: Gates
    ) -> Gates:
        """The margins of one sample, by gates of its own, shape `(m,)`."""
        made = self._see(parameters, *self._sample(sample), gates).margins
        weights = self.problem.weights
        if not self.problem.absences or weights is None:
            return made
        absent = weights[sample] == 0
        return Gates(
            jnp.where(absent, _far(made.own, gates.own), made.own), made.shared
        )

    def _sample(self, sample: Int[Array, ""]):
        weights = self.problem.weights
        if self.problem.absences and weights is not None:
            counts = weights != 0
            sample = jnp.where(counts[sample], sample, jnp.argmax(counts))
        pick = lambda tree: jtu.tree_map(lambda x: x[sample], tree)
        return pick(self.problem.inputs), pick(self.problem.targets)

    def _see(self, parameters, x, y, gates: Gates | None):
        return self.reading.see(arguments_of(self.problem, parameters, x, y), gates)

    def _over_samples(self, see, *more):
        data, chunk = (*self.problem.present, *more), self.problem.chunk
        of = lambda given: jax.vmap(see)(*given)
        if chunk is None:
            return of(data)
        full, samples = self.problem.samples // chunk, self.problem.samples
        cut = lambda x: x[: full * chunk].reshape(full, chunk, *x.shape[1:])
        whole = lambda x: x.reshape(full * chunk, *x.shape[2:])
        made = jtu.tree_map(whole, jax.lax.map(of, jtu.tree_map(cut, data)))
        if full * chunk == samples:
            return made
        rest = of(jtu.tree_map(lambda x: x[full * chunk :], data))
        return jtu.tree_map(lambda a, b: jnp.concatenate([a, b]), made, rest)


def _far(margins: Array, gates: Array) -> Array:
    """Infinite, on the side of the gates."""
    side = jnp.where(gates.astype(margins.dtype) > 0.5, jnp.inf, -jnp.inf)
    return side.astype(margins.dtype)
