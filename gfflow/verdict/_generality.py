"""Is it a law of the model, or of this run? Random parameters, data and cotangents."""

from typing import NamedTuple

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from .._typing import Scalar, State
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem, random_inputs, random_targets
from ._derivative import along_lines
from ._rate import Rate, rates_at

_SAMPLES = 16
_RELATIVE = (
    (1.0, 1.0),
    (1.0, 1.0),
    (0.3, 1.0),
    (3.0, 1.0),
    (1.0, 10.0),
    (10.0, 3.0),
    (30.0, 0.3),
    (0.1, 0.01),
    (1e-3, 1e-3),
    (1.0, 1e-4),
    (100.0, 100.0),
)
_ABSOLUTE = ((1.0, 1.0), (1.0, 1.0), (0.3, 1.0), (3.0, 3.0), (0.1, 1e-3), (10.0, 30.0))
_APART = (10.0, 10.0, 10.0, 10.0, 100.0, 100.0)
_LATER = 0.01
_TIMES = (1.0, 0.5, 2.0, 3.0, 0.1, 10.0)


class Generality(NamedTuple):
    """Rates law name → one `Rate` a point.

    - `near`: random data, at parameters a tenth away from those of the run.
    - `anywhere`: random data, at random parameters, of scales from 10⁻⁴ to 100 times
      those of the run and from 10⁻³ to 30 in themselves: what saturates, or is
      regularised by an ε, does so at some of them. Then arrays scaled against each
      other, by up to 10 or 100 either way: what is the smaller of two is now the one,
      now the other. At times from a tenth of the run's length to ten times it.
    - `regions`: where each of these lies, in words.
    - `wrong`: whether the derivative of the law misses jumps between these points.
    """

    near: dict[str, list[Rate]]
    anywhere: dict[str, list[Rate]]
    regions: list[str]
    wrong: dict[str, np.ndarray]


def generality(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    places: list[tuple[Scalar, State]],
    seed: int,
    precision: float,
) -> Generality:
    """Evaluate the rates where nothing of the run is left but its shapes and scales.

    A law holds for every data set and start exactly if ∇h is orthogonal to
    ∂_θ g(θ, x)ᵀw for every θ, x and every w in the span over y of ∂_z ℓ(z, y)
    (Marcotte, Gribonval & Peyré 2023, Prop. 2.7). The field of a problem with random x,
    random targets y and Gaussian sample weights of both signs is a random element of
    that space. 16 samples at each point.

    **Arguments:**

    - `places`: some times and states of the run, in order.
    """
    random = np.random.default_rng(seed)
    near: dict[str, list[Rate]] = {name: [] for name in laws}
    anywhere: dict[str, list[Rate]] = {name: [] for name in laws}

    def collect(into, t, problem, state):
        for name, rate in rates_at(flow, problem, laws, t, state, precision).items():
            into[name].append(rate)

    (began, first), (ended, _) = places[0], places[-1]
    length = float(ended) - float(began) or 1.0
    for t, state in places:
        moved = jtu.tree_map(lambda x: _nudged(random, x), state)
        # A flow may be singular at its start, and know one velocity there.
        later = jnp.maximum(t, began + _LATER * length)
        collect(near, later, _random_problem(random, problem, 1.0), moved)
    sizes = _sizes(first)
    ones = jtu.tree_map(lambda _: 1.0, sizes)
    wanted = [(*pair, sizes, 1.0) for pair in _RELATIVE]
    wanted += [(*pair, ones, 1.0) for pair in _ABSOLUTE]
    wanted += [(1.0, 1.0, sizes, apart) for apart in _APART]
    drawn, times, regions = [], [], []
    for i, (scale, data_scale, size, apart) in enumerate(wanted):
        of = lambda s: scale * s * apart ** random.uniform(-1, 1)
        drawn.append(
            jtu.tree_map(lambda x, s: _gaussian(random, x, of(s)), first, size)
        )
        time = float(began) + _TIMES[i % len(_TIMES)] * length
        times.append(jnp.asarray(time, problem.dtype))
        regions.append(_region(scale, size is ones, apart, time))
        other = _random_problem(random, problem, data_scale, size is ones)
        collect(anywhere, times[-1], other, drawn[-1])
    wrong = along_lines(flow, problem, laws, times, drawn, anywhere)
    return Generality(near, anywhere, regions, wrong)


def _region(scale: float, absolute: bool, apart: float, time: float) -> str:
    if apart > 1:
        of = f"arrays scaled apart by up to {apart:g} either way"
    elif absolute:
        of = f"parameters of size {scale:g}"
    else:
        of = f"parameters {scale:g} times those of the run"
    return f"{of}, at t = {time:.3g}"


def _nudged(random, x) -> Array:
    x = np.asarray(x)
    spread = 0.1 * _root_mean_square(x) or 0.1
    return jnp.asarray(x + spread * random.standard_normal(x.shape), x.dtype)


def _gaussian(random, like, size) -> Array:
    return jnp.asarray(size * random.standard_normal(np.shape(like)), like.dtype)


def _sizes(state: State) -> PyTree[float]:
    """The root mean square of each array; of all of them where it is 0."""
    state = jtu.tree_map(np.asarray, state)
    leaves = jtu.tree_leaves(state)
    total = sum(float(np.sum(x**2)) for x in leaves)
    overall = (total / max(sum(x.size for x in leaves), 1)) ** 0.5 or 1.0
    return jtu.tree_map(lambda x: _root_mean_square(x) or overall, state)


def _root_mean_square(x: np.ndarray) -> float:
    """0 for an array of no entries."""
    return float(np.sqrt(np.mean(x**2))) if x.size else 0.0


def _random_problem(
    random, problem: Problem, scale: float, absolute: bool = False
) -> Problem:
    known = problem.present
    inputs = jtu.tree_map(
        lambda x: random_inputs(random, x, _SAMPLES, scale, absolute), known[0]
    )
    targets = jtu.tree_map(lambda y: random_targets(random, y, _SAMPLES), known[1])
    weights = jnp.asarray(random.standard_normal(_SAMPLES), problem.dtype)
    return problem.with_data(inputs, targets, weights)
