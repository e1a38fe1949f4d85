"""Rates that float64 leaves in doubt, in double-double arithmetic."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Bool, Float

from .._errors import SolveError
from ..double_double import Pair, on_pairs, require_exact_arithmetic
from ..double_double.pairs import exactly
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem
from ._components import component_slices
from ._one_draw import Drawn, one_draw, rate_of
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
        some, which = _in_doubt(flow, problem, laws, places, doubtful)
        at = np.ix_(rows, which)
        drawn = _drawn_at(flow, problem, some, places, rows.tolist())
        if drawn is None:
            continue
        again = rate_of(
            drawn, rate.value[at], rate.scale[at], decays[which], _NUDGE, _EPS
        )
        # What is lost of ‖∇h‖‖f‖ is a part of it of the size of the precision.
        again = again._replace(bound=again.bound * _PRECISION / _EPS)
        rate = _replaced(rate, at, doubtful[at], again)
    return rate


def _doubtful(rate: Rate) -> Bool[np.ndarray, "P C"]:
    nowhere = ~np.any(rate.informative, axis=0)
    rarely = np.mean(rate.violated, axis=0) < 0.5
    violated = rate.doubtful | (rate.violated & rarely)
    return violated | ((rate.noise | rate.still) & nowhere)


def _in_doubt(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    places: Points,
    doubtful: Bool[np.ndarray, "P C"],
) -> tuple[dict[str, Law], np.ndarray]:
    """The laws with components in doubt, and which components are theirs."""
    place = jtu.tree_map(jnp.asarray, (places.ts[0], places.state(0)))
    slices, _ = component_slices(flow, problem, laws, *place)
    any_ = np.any(doubtful, axis=0)
    some = {name: law for name, law in laws.items() if np.any(any_[slices[name]])}
    every = np.arange(doubtful.shape[1])
    return some, np.concatenate([every[slices[name]] for name in some])


def _replaced(rate: Rate, at: tuple, where: np.ndarray, again: Rate) -> Rate:
    """With what was found where it is a number. What is round-off in float64 may be
    that of the numbers that a problem is made of, such as targets whose sum is 1 to
    round-off: a rate that shows in more digits only says nothing against a law."""
    told = rate.violated[at] | ~again.violated
    where = where & told & np.isfinite(again.rate) & np.isfinite(again.strength)
    changed = {}
    for name in ("rate", "strength", "spread", "bound", "frozen"):
        changed[name] = getattr(rate, name).copy()
        changed[name][at] = np.where(where, getattr(again, name), changed[name][at])
    return rate._replace(**changed)


def _size(problem: Problem, places: Points) -> int:
    data = problem.present[0] if places.data is None else places.at(0).data[0]
    samples = max((x.shape[0] for x in jtu.tree_leaves(data)), default=1)
    return samples * _entries(places)


def _entries(places: Points) -> int:
    return sum(x[0].size for x in jtu.tree_leaves(places.states))


def _drawn_at(flow, problem, laws, places: Points, rows: list[int]) -> Drawn | None:
    """`None` where double-double arithmetic cannot do it."""
    random = np.random.default_rng(0)
    shape = (_DRAWS, _entries(places))
    parts = 3**0.5 * random.uniform(-1, 1, shape)
    parts[0] = 0
    phases = random.uniform(0, 2 * np.pi, _DRAWS)
    noise = np.stack([phases, np.where(np.arange(_DRAWS) > 0, _PRECISION, 0)], 1)
    draws = _NUDGE * parts, random.choice([-1.0, 1.0], shape), noise
    try:
        require_exact_arithmetic()
        found = [
            jtu.tree_map(
                np.asarray, _on_pairs(flow, problem, laws, places.at(row), *draws)
            )
            for row in rows
        ]
    except SolveError:
        return None
    return jtu.tree_map(lambda *xs: np.stack(xs), *found)


@eqx.filter_jit
def _on_pairs(flow, problem, laws, place: Points, parts, signs, noise) -> Drawn:
    problem = problem if place.data is None else problem.with_data(*place.data)
    point, unravel = ravel_pytree(place.states)
    draw = one_draw(flow, problem, laws, unravel)
    t, exact = exactly(place.ts), exactly(point)

    def each(copy):
        part, *others = copy
        near = Pair(point, part * point)
        found = on_pairs(draw, t, exact, near, *map(exactly, others))
        return found._replace(parts=found.parts.hi)

    return jax.lax.map(each, (parts, signs, noise))
