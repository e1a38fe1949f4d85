"""Is it a law of the model, or of this run? Random parameters, data and cotangents."""

from typing import NamedTuple

import jax.tree_util as jtu
import numpy as np
from jaxtyping import Float, PyTree

from .._typing import State
from ..flows import AbstractFlow
from ..laws import Law
from ..problem import Problem, random_data
from ._draws import rates_at
from ._points import Points
from ._rate import Rate

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
_GOLDEN, _LATE = (5**0.5 - 1) / 2, 10.0


class Generality(NamedTuple):
    """The rates of all components of all laws, a row a point.

    - `near`: random data, at parameters a tenth away from those of the run.
    - `anywhere`: random data, at random parameters, of scales from 10⁻⁴ to 100 times
      those of the run and from 10⁻³ to 30 in themselves: what saturates, or is
      regularised by an ε, does so at some of them. Then arrays scaled against each
      other, by up to 10 or 100 either way: what is the smaller of two is now the one,
      now the other. At times from a tenth of the length of the run to a hundred times
      it.
    - `points`, `regions`: where these are, in numbers and in words.
    - `late`: which of them lie beyond ten lengths of the run, where a law that has
      factors of the time may overflow.
    """

    near: Rate
    anywhere: Rate
    points: Points
    regions: list[str]
    late: np.ndarray


def generality(
    flow: AbstractFlow,
    problem: Problem,
    laws: dict[str, Law],
    run: Points,
    seed: int,
    decays: Float[np.ndarray, " C"],
    precision: float,
) -> Generality:
    """Evaluate the rates where nothing of the run is left but its shapes and scales.

    A law holds for every data set and start exactly if ∇h is orthogonal to
    ∂_θ g(θ, x)ᵀw for every θ, x and every w in the span over y of ∂_z ℓ(z, y)
    (Marcotte, Gribonval & Peyré 2023, Prop. 2.7). The field of a problem with random x,
    random targets y and Gaussian sample weights of both signs is a random element of
    that space. 16 samples at each point.

    **Arguments:**

    - `run`: some times and states of the run, in order.
    - `decays`, `precision`: those of `rates_at`.
    """
    random = np.random.default_rng(seed)
    began, ended = float(run.ts[0]), float(run.ts[-1])
    length = ended - began or 1.0
    ts, states, data = [], [], []
    for i, t in enumerate(run.ts):
        states.append(jtu.tree_map(lambda x: _nudged(random, x), run.state(i)))
        # A flow may be singular at its start, and know one velocity there.
        ts.append(max(float(t), began + _LATER * length))
        data.append(random_data(random, problem, _SAMPLES))
    near = len(states)
    first = run.state(0)
    sizes = _sizes(first)
    ones = jtu.tree_map(lambda _: 1.0, sizes)
    wanted = [(*pair, sizes, 1.0) for pair in _RELATIVE]
    wanted += [(*pair, ones, 1.0) for pair in _ABSOLUTE]
    wanted += [(1.0, 1.0, sizes, apart) for apart in _APART]
    regions = []
    for i, (scale, data_scale, size, apart) in enumerate(wanted):
        of = lambda s: scale * s * apart ** random.uniform(-1, 1)
        states.append(
            jtu.tree_map(lambda x, s: _gaussian(random, x, of(s)), first, size)
        )
        ts.append(began + 10 ** (3 * (_GOLDEN * i % 1) - 1) * length)
        regions.append(_region(scale, size is ones, apart, ts[-1]))
        data.append(random_data(random, problem, _SAMPLES, data_scale, size is ones))
    points = Points.of(np.asarray(ts, run.ts.dtype), states, data)
    rates = rates_at(flow, problem, laws, points, decays, precision)
    near, anywhere = slice(near), slice(near, None)
    points = points._replace(data=None).at(anywhere)
    late = points.ts > began + _LATE * length
    return Generality(rates.at(near), rates.at(anywhere), points, regions, late)


def _region(scale: float, absolute: bool, apart: float, time: float) -> str:
    if apart > 1:
        of = f"arrays scaled apart by up to {apart:g} either way"
    elif absolute:
        of = f"parameters of size {scale:g}"
    else:
        of = f"parameters {scale:g} times those of the run"
    return f"{of}, at t = {time:.3g}"


def _nudged(random, x: np.ndarray) -> np.ndarray:
    spread = 0.1 * _root_mean_square(x) or 0.1
    return np.asarray(x + spread * random.standard_normal(x.shape), x.dtype)


def _gaussian(random, like: np.ndarray, size: float) -> np.ndarray:
    return np.asarray(size * random.standard_normal(like.shape), like.dtype)


def _sizes(state: State) -> PyTree[float]:
    """The root mean square of each array; of all of them where it is 0."""
    leaves = jtu.tree_leaves(state)
    total = sum(float(np.sum(x**2)) for x in leaves)
    overall = (total / max(sum(x.size for x in leaves), 1)) ** 0.5 or 1.0
    return jtu.tree_map(lambda x: _root_mean_square(x) or overall, state)


def _root_mean_square(x: np.ndarray) -> float:
    """0 for an array of no entries."""
    return float(np.sqrt(np.mean(x**2))) if x.size else 0.0
