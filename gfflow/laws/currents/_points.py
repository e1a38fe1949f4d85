"""Random points near the parameters of a problem, and gradients there."""

from typing import NamedTuple, final

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
from jaxtyping import Array, PyTree

from ..._precision import double_precision, in_double
from ...problem import (
    Problem,
    gradient_on,
    named_parameters,
    program_of,
    random_data,
)

# Noise of parameters in units of themselves, and of the root mean square of an array.
_RELATIVE, _ABSOLUTE = 0.3, 0.3


class Point(NamedTuple):
    """Parameters and the gradient there by path."""

    x: dict[str, np.ndarray]
    g: dict[str, np.ndarray]


@final
class PointsNear:
    """Points one after the other, by one compiled gradient of random data."""

    def __init__(self, problem: Problem, samples: int, seed: int):
        self._random, self._samples = np.random.default_rng(seed), samples
        with double_precision():
            self._problem = in_double(problem)
            self._gradient = program_of(gradient_on, self._problem)
        self._names = list(named_parameters(self._problem.parameters))

    def __call__(self) -> tuple[PyTree[Array], Point] | None:
        """The parameters in their tree, and the point: its gradient in units of the
        largest entry. `None` where that is not finite."""
        random, problem = self._random, self._problem
        with double_precision():
            parameters = jtu.tree_map(lambda x: _near(random, x), problem.parameters)
            data = random_data(random, problem, self._samples)
            gradient = self._gradient(parameters, data)
        leaves = (jtu.tree_leaves(tree) for tree in (parameters, gradient))
        x, g = (_arrays(dict(zip(self._names, some, strict=True))) for some in leaves)
        top = np.max([np.max(np.abs(part)) for part in g.values()]) or 1.0
        if not np.isfinite(top):
            return None
        return parameters, Point(x, {name: part / top for name, part in g.items()})


def on_host(tree) -> dict[str, np.ndarray]:
    """Arrays by path, but for those of no entries; a scalar as a vector of one."""
    return _arrays(named_parameters(tree))


def _arrays(named: dict[str, Array]) -> dict[str, np.ndarray]:
    return {name: np.atleast_1d(np.asarray(x)) for name, x in named.items() if x.size}


def _near(random, like: Array) -> Array:
    x = np.asarray(like)
    size = np.sqrt(np.mean(x**2)) if x.size else 0.0
    factor = np.exp(_RELATIVE * random.standard_normal(x.shape))
    noise = _ABSOLUTE * (size or 1.0) * random.standard_normal(x.shape)
    return jnp.asarray(x * factor + noise)
