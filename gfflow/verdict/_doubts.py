"""Rates that float64 leaves in doubt, in double-double arithmetic."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from .._errors import SolveError
from ..double_double import Pair, on_pairs, require_exact_arithmetic
from ..double_double.pairs import exactly
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._components import component_slices
from ._one_draw import PARTS, Drawn, field_of_draw, parts_of_draw, rate_of
from ._points import Points
from ._rate import Rate

_EPS = float(np.finfo(float).eps)
# The precision of a pair, and parts of an entry that its lower number holds.
_PRECISION, _NUDGE = 2.0**-104, 2.0**-55
_DRAWS = 8
# Products of samples and entries of the state: some hundred MB, and a second a draw.
_LARGEST = 2**20


def without_doubts(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    places: Points,
    decays: Float[np.ndarray, " C"],
    rate: Rate,
) -> Rate:
    """The rates, taken again in double-double arithmetic at the places where there is
    a doubt: round-off that comes out the same in every draw, as of a saturated softmax,
    looks like a violation, a slight one or one at a few places. Where a component is
    round-off at all places it is taken again as well.

    What float64 resolves of a law stays the measure: a law whose coefficients are
    rounded to float64 is one. A rate stays as it was where the program has a primitive
    without a rule for pairs or computes in single precision, where the device fails the
    test of its arithmetic, and where samples times entries of the state are too many.

    **Arguments:**

    - `places`, `decays`: those that the rates are of.
    """
    if rate.precision > _EPS or _size(problem, places) > _LARGEST:
        return rate
    asked = np.zeros(rate.rate.shape, bool)
    while np.any(doubtful := _doubtful(rate) & ~asked):
        asked |= doubtful
        rows = np.flatnonzero(np.any(doubtful, axis=1))
        parts = _parts_at(flow, problem, laws, places, doubtful)
        if parts is None:
            return rate
        some, fine = rate.at(rows), np.ones(parts.shape[:2], bool)
        drawn = Drawn(parts, whole=fine, moves=fine)
        again = rate_of(drawn, some.value, some.scale, decays, _NUDGE, _EPS)
        # What is lost of ‖∇h‖‖f‖ is a part of it of the size of the precision.
        again = again._replace(bound=again.bound * _PRECISION / _EPS)
        rate = _replaced(rate, rows, doubtful[rows], again)
    return rate


def _doubtful(rate: Rate) -> Bool[np.ndarray, "P C"]:
    """None of a component that is violated at half of the places, and beyond doubt at
    half of those."""
    often = np.mean(rate.violated, axis=0) >= 0.5
    beyond = np.sum(rate.violated & ~rate.doubtful, axis=0)
    settled = often & (beyond >= np.sum(rate.doubtful, axis=0))
    nowhere = ~np.any(rate.informative, axis=0)
    violated = rate.doubtful | (rate.violated & ~often)
    return (violated | ((rate.noise | rate.still) & nowhere)) & ~settled


def _replaced(rate: Rate, rows, where: np.ndarray, again: Rate) -> Rate:
    """With what was found where it is a number. What is round-off in float64 may be
    that of the numbers that a problem is made of, such as targets whose sum is 1 to
    round-off: a rate that shows in more digits only says nothing against a law."""
    told = rate.violated[rows] | ~again.violated
    where = where & told & np.isfinite(again.rate) & np.isfinite(again.strength)
    changed = {}
    for name in ("rate", "strength", "spread", "bound", "frozen"):
        changed[name] = getattr(rate, name).copy()
        old = changed[name][rows]
        changed[name][rows] = np.where(where, getattr(again, name), old)
    return rate._replace(**changed)


def _size(problem: Problem, places: Points) -> int:
    data = problem.present[0] if places.data is None else places.at(0).data[0]
    samples = max((x.shape[0] for x in jtu.tree_leaves(data)), default=1)
    return samples * _entries(places)


def _entries(places: Points) -> int:
    return sum(x[0].size for x in jtu.tree_leaves(places.states))


def _parts_at(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    places: Points,
    doubtful: Bool[np.ndarray, "P C"],
) -> np.ndarray | None:
    """Of the draws at the places with doubts, `(P, draws, 6, C)`; not a number for the
    laws without doubts, and for those that double-double arithmetic cannot do. `None`
    where it cannot do the field."""
    first = jtu.tree_map(jnp.asarray, (places.ts[0], places.state(0)))
    slices, _ = component_slices(flow, problem, laws, *first)
    rows = np.flatnonzero(np.any(doubtful, axis=1)).tolist()
    copies, signs, noise = _copies(_entries(places))
    found = np.full((len(rows), _DRAWS, PARTS, doubtful.shape[1]), np.nan)
    try:
        require_exact_arithmetic()
        fields = [_fields(flow, problem, places.at(row), copies, noise) for row in rows]
    except SolveError:
        return None
    for name, which in slices.items():
        law = {name: laws[name]}
        for i, row in enumerate(rows):
            if not np.any(doubtful[row, which]):
                continue
            at = places.at(row)._replace(data=None)
            try:
                found[i][..., which] = _parts(
                    flow, problem, law, at, copies, signs, fields[i]
                )
            except SolveError:
                break
    return found


def _copies(entries: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of a state: by what parts its entries are changed, in the first draw by none;
    signs; and what draws the loss."""
    random = np.random.default_rng(0)
    shape = (_DRAWS, entries)
    parts = 3**0.5 * random.uniform(-1, 1, shape)
    parts[0] = 0
    phases = random.uniform(0, 2 * np.pi, _DRAWS)
    precisions = np.where(np.arange(_DRAWS) > 0, _PRECISION, 0)
    signs = random.choice([-1.0, 1.0], shape)
    return _NUDGE * parts, signs, np.stack([phases, precisions], 1)


@eqx.filter_jit
def _fields(flow, problem, place: Points, copies, noise) -> Pair:
    problem = problem if place.data is None else problem.with_data(*place.data)
    point, unravel = ravel_pytree(place.states)
    field, t = field_of_draw(flow, problem, unravel), exactly(place.ts)

    def each(draw):
        copy, noise = draw
        return on_pairs(field, t, Pair(point, copy * point), exactly(noise))

    return jax.lax.map(each, (copies, noise))


@eqx.filter_jit
def _parts(flow, problem, law, place: Points, copies, signs, fields: Pair) -> Array:
    point, unravel = ravel_pytree(place.states)
    parts, t = parts_of_draw(flow, problem, law, unravel), exactly(place.ts)

    def each(draw):
        copy, signs, field = draw
        near = Pair(point, copy * point)
        return on_pairs(parts, t, exactly(point), near, exactly(signs), field).hi

    return jax.lax.map(each, (copies, signs, fields))
