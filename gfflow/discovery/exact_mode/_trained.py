"""The arrays of a problem that train, as the variables of φ."""

import jax.tree_util as jtu
import numpy as np

from ..._errors import DiscoveryError
from ...problem import Problem, named_parameters
from ..polynomials import Layout


def trained_arrays(problem: Problem) -> Layout:
    """**Raises:** `DiscoveryError` if they do not all train at one rate."""
    rates = jtu.tree_leaves(problem.time_scale)
    scale = np.concatenate([np.ravel(rate) for rate in rates])
    if np.any(scale != scale[0]):
        raise DiscoveryError("exact mode is for parameters of one rate (time_scale)")
    arrays = named_parameters(problem.parameters)
    return Layout(tuple(arrays), tuple(tuple(x.shape) for x in arrays.values()))
