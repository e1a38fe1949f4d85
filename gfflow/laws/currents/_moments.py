"""⟨θ', Bθ⟩ for skew B: what rotations that leave the loss alone conserve in motion."""

from typing import final

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._rates import Rates
from ._matched import MatchedUnits
from ._units import Units

Arrays = dict[str, Array]


@final
class MomentsOfUnits(eqx.Module):
    """Σ_A Σ_k (A[i,k] A'[j,k] − A'[i,k] A[j,k])/s_A at pairs of units i < j."""

    units: tuple[Units, ...] = eqx.field(static=True)
    pairs: tuple[tuple[int, ...], tuple[int, ...]] = eqx.field(static=True)
    rates: Rates

    @classmethod
    def of(cls, family: MatchedUnits, rates: Rates) -> "MomentsOfUnits":
        """Of the pairs i < j of units that are true in `family.pairs`."""
        i, j = family.where()
        i, j = i[i < j], j[i < j]
        return cls(family.units, (tuple(i.tolist()), tuple(j.tolist())), rates)

    def __call__(
        self, theta: Arrays, velocity: Arrays, sizes: bool = False
    ) -> Float[Array, " pairs"]:
        """The moments; with `sizes` the sum of the terms, for arrays of no sign."""
        i, j = map(np.asarray, self.pairs)
        sign, terms = (1 if sizes else -1), []
        for units in self.units:
            inverse = self.rates.inverse[units.array].ravel()[0]
            x, v = (units.rows(tree[units.array]) for tree in (theta, velocity))
            outer = x @ v.T
            terms.append((outer + sign * outer.T)[i, j] * inverse)
        return sum(terms[1:], terms[0])


@final
class MomentsOfEntries(eqx.Module):
    """⟨θ', Bθ⟩/s of all entries of several arrays, one after the other, of one rate s;
    B is `(laws, n, n)`."""

    arrays: tuple[str, ...] = eqx.field(static=True)
    skew: Float[Array, "laws n n"]
    rates: Rates

    def __call__(
        self, theta: Arrays, velocity: Arrays, sizes: bool = False
    ) -> Float[Array, " laws"]:
        """The moments; with `sizes` the sum of the terms, for arrays of no sign."""
        inverse = self.rates.inverse[self.arrays[0]].ravel()[0]
        x, v = (
            jnp.concatenate([jnp.ravel(tree[name]) for name in self.arrays])
            for tree in (theta, velocity)
        )
        skew = jnp.abs(self.skew) if sizes else self.skew
        return inverse * ((skew.astype(x.dtype) @ x) @ v)


Moments = MomentsOfUnits | MomentsOfEntries
