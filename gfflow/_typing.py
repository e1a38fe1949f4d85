"""The shared vocabulary of types."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Array, Bool, Float, Inexact, Int, PyTree

Scalar = Float[Array, ""]
ScalarLike = float | int | Scalar
IntScalarLike = int | Int[Array, ""]
BoolScalar = Bool[Array, ""]
Parameters = PyTree[Inexact[Array, "..."] | None]
State = PyTree[Any]
Loss = Callable[[Array, Array], Scalar]
