"""The shared vocabulary of types."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Array, Bool, Float, Inexact, Int, PyTree, Real

Scalar = Float[Array, ""]
ScalarLike = float | int | Scalar
RealScalarLike = float | int | Real[Array, ""] | np.ndarray
IntScalarLike = int | Int[Array, ""]
BoolScalar = Bool[Array, ""]
Rate = ScalarLike | Callable[[ScalarLike], Scalar]
Parameters = PyTree[Inexact[Array, "..."]]
State = PyTree[Any]
Times = Float[Array, " n"] | np.ndarray
Loss = Callable[[Array, Array], Scalar]
