"""Gradients of a model at random parameters, for every size of these and of inputs."""

from typing import Any, NamedTuple, final

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ..._errors import DiscoveryError
from ..._precision import coarsest_in, double_precision, in_double
from ...problem import Problem
from ..subject import (
    FlatLoss,
    Pairing,
    cotangents_of,
    drawn_inputs,
    drawn_targets,
)

_BATCH = 128
_NEAR, _NOISE = 3, 0.1
# Of which powers of ten of their own sizes arrays and inputs are, a place each; and how
# many decades of float64 the product of all arrays may take.
_NEARBY = (-2.5, 2.5)
_SIZES = (
    ((-0.5, 0.5), (-2.0, 4.0)),
    ((-1.0, 1.0), (-2.0, 4.0)),
    ((-2.0, 2.0), (-2.0, 4.0)),
    ((0.0, 3.0), (-2.0, 4.0)),
    ((0.0, 6.0), (-2.0, 4.0)),
    ((-6.0, 0.0), (-8.0, 2.0)),
    ((6.0, 12.0), (0.0, 12.0)),
    ((-12.0, 12.0), (-12.0, 12.0)),
)
_RANGE = 200.0


@final
class ParameterDraw(NamedTuple):
    """Parameters θ `(D,)`, in the order of the problem.

    **Attributes:**

    - `sizes`: of the array that each entry is in.
    - `near`: whether it is near the model's own parameters.
    - `inputs`: decades of the sizes of inputs.
    """

    theta: np.ndarray
    sizes: np.ndarray
    near: bool
    inputs: tuple[float, float]


@final
class Batch(NamedTuple):
    """⟨w, g(θ, x)⟩ of random x and w, and its gradients by θ.

    **Attributes:**

    - `data`: (x, w); or (x, y), of which it is the loss, where the cotangents that the
        loss can ask for depend on the prediction.
    - `values`, `rows`: `(count,)` and `(count, D)`.
    """

    data: Any
    values: np.ndarray
    rows: np.ndarray


@final
class ModelGradients:
    """Draws them, and keeps what was drawn. Float64 throughout.

    **Attributes:**

    - `places`: three at a tenth of the parameters' size from them, the first; then
        Gaussians with arrays of sizes over ever more decades.
    """

    places: list[ParameterDraw]

    def __init__(self, problem: Problem, positive: np.ndarray, seed: int):
        """**Arguments:** `positive`: of each entry, whether the flow keeps it positive.

        **Raises:** `DiscoveryError` for a model that computes in less than float64.
        """
        self._random = np.random.default_rng(seed)
        with double_precision():
            self._problem = in_double(problem)
            loss = FlatLoss.of(self._problem)
            self._span = cotangents_of(self._problem)
            self._pairing = Pairing(self._problem, loss, self._span is None)
            self._sizes = [leaf.size for leaf in self._leaves]
            self.places = _places(self._leaves, positive, self._random)
            self._drawn: dict[int, list[Batch]] = {}
            example = self._data((0.0, 0.0), 2)
            program = eqx.filter_make_jaxpr(_pairings)(
                self._pairing, self._problem.parameters, example
            )[0]
        if coarsest_in(program) > np.finfo(np.float64).eps:
            raise DiscoveryError(
                "exact mode: the model computes in less than float64 on the way, so it "
                "cannot be compared with φ; take the casts out, or leave `exact` out"
            )

    def batch(self, place: int, number: int) -> Batch:
        """The one of this number at a place; only rows and values that are finite."""
        drawn = self._drawn.setdefault(place, [])
        while len(drawn) <= number:
            with double_precision():
                data = self._data(self.places[place].inputs, _BATCH)
            drawn.append(self.at(self.places[place].theta, data))
        return drawn[number]

    def at(self, theta: np.ndarray, data: Any) -> Batch:
        """On given data; NaN where it is not finite."""
        with double_precision():
            parts = np.split(theta, np.cumsum(self._sizes)[:-1])
            leaves = [
                jnp.asarray(part.reshape(leaf.shape))
                for part, leaf in zip(parts, self._leaves)
            ]
            structure = jtu.tree_structure(self._problem.parameters)
            parameters = jtu.tree_unflatten(structure, leaves)
            values, slopes = _compiled(self._pairing, parameters, data)
            flat = [np.asarray(a).reshape(_BATCH, -1) for a in jtu.tree_leaves(slopes)]
        return Batch(data, np.asarray(values), np.concatenate(flat, axis=1))

    @property
    def _leaves(self) -> list[Any]:
        return jtu.tree_leaves(self._problem.parameters)

    def _data(self, decades: tuple[float, float], count: int):
        x = drawn_inputs(self._random, self._problem, count, 1, decades)
        if self._span is None:
            return x, drawn_targets(self._random, self._problem, count)
        weights = self._random.standard_normal((count, len(self._span)))
        return x, jnp.asarray(weights @ self._span)


def _pairings(pairing: Pairing, parameters, data):
    return jax.vmap(jax.value_and_grad(pairing), in_axes=(None, 0))(parameters, data)


_compiled = eqx.filter_jit(_pairings)


def _places(
    leaves: list[Any], positive: np.ndarray, random: np.random.Generator
) -> list[ParameterDraw]:
    start = np.concatenate([np.ravel(np.asarray(leaf)) for leaf in leaves])
    root = lambda x: float(np.sqrt(np.mean(np.square(x)))) if x.size else 0.0
    overall = root(start) or 1.0
    own = [root(np.asarray(leaf)) or overall for leaf in leaves]
    counts = [leaf.size for leaf in leaves]
    domain = lambda theta: np.where(positive, np.abs(theta), theta)
    sizes = np.repeat(own, counts)
    found = []
    for _ in range(_NEAR):
        theta = start + _NOISE * sizes * random.standard_normal(len(start))
        found.append(ParameterDraw(domain(theta), sizes, True, _NEARBY))
    widest = _RANGE / (len(leaves) + 1)
    for arrays, inputs in _SIZES:
        low, high = np.clip(arrays, -widest, widest)
        powers = random.uniform(low, high, len(own))
        sizes = np.repeat(np.asarray(own) * 10.0**powers, counts)
        theta = sizes * random.standard_normal(len(start))
        found.append(ParameterDraw(domain(theta), sizes, False, inputs))
    return found
