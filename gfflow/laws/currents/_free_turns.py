"""Rotations of any entries of models of few parameters that leave the loss alone."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from ..._precision import double_precision
from .._rates import Rates
from ._independent import Family, span_with
from ._matched import MatchedUnits
from ._moments import Moments, MomentsOfEntries, MomentsOfUnits
from ._null_space import null_of, reduced, rounded, sizes_of
from ._probes import Probes

Parts = dict[str, np.ndarray]
# Unknown entries of a skew matrix, at most, and points for each.
_MOST, _POINTS, _SPARE = 600, 1.1, 40


def free_turns(
    found: Probes,
    families: Sequence[Family],
    turning: Sequence[MatchedUnits],
    rates: Rates,
) -> MomentsOfEntries | None:
    """Of all skew B with ⟨∇L, Bθ⟩ = 0 at all points those whose ⟨θ', Bθ⟩ do not follow
    from units that turn, or from linear laws w·θ among families, of which w·θ' and the
    point of rest of w·θ are known; where all parameters have one rate.

    The product u·v turns with u and v, and with (u + v)/√2 and (u − v)/√2 each by
    itself. `None` where there are none, or more than 600 unknown entries.
    """
    names = tuple(found.shapes)
    x, dead = _flat(found.points[0].x), _flat(found.dead)
    i, j = np.triu_indices(len(x), 1)
    if not 0 < len(i) <= _MOST or not rates.equal(*names):
        return None
    points = found.at_least(int(_POINTS * len(i)) + _SPARE)
    value, size = np.empty((2, len(points), len(i)))
    for n, point in enumerate(points):
        at = _flat(point.x)
        g = np.where(dead, 0, _flat(point.g))
        value[n] = g[i] * at[j] - g[j] * at[i]
        size[n] = np.abs(g[i] * at[j]) + np.abs(g[j] * at[i])
    sizes = sizes_of(size)
    rows = reduced(null_of(value, sizes) / sizes)
    if not len(rows):
        return None
    made = MomentsOfEntries(names, _skew(rows, len(x)), rates)
    phase = found.points[0].x, found.points[-1].x
    linear = [one.gradients(phase[0]) for one in families if not one.quadratic]
    constant = np.concatenate([np.zeros((0, len(x))), *linear])
    span = np.zeros((0, 2 * len(x)))
    span = span_with(np.kron(np.eye(2), constant), span)[1] if linear else span
    for one in turning:
        span = span_with(_slopes(MomentsOfUnits.of(one, rates), *phase), span)[1]
    new = span_with(_slopes(made, *phase), span)[0]
    if not np.any(new):
        return None
    kept = np.stack([rounded(row) for row in rows[new]])
    return MomentsOfEntries(names, _skew(kept, len(x)), rates)


def _flat(arrays: dict[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(part) for part in arrays.values()])


def _skew(rows: np.ndarray, n: int) -> Array:
    i, j = np.triu_indices(n, 1)
    full = np.zeros((len(rows), n, n))
    full[:, i, j], full[:, j, i] = rows, -rows
    return jnp.asarray(full)


def _slopes(moments: Moments, theta: Parts, velocity: Parts) -> np.ndarray:
    """By all parameters and their velocities, a row each."""
    with double_precision():
        slopes = jax.jacfwd(moments, argnums=(0, 1))(theta, velocity)
    parts = [of[name] for of in slopes for name in theta]
    return np.concatenate([np.reshape(part, (len(part), -1)) for part in parts], axis=1)
