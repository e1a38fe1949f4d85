"""The compiled programs of a subject, kept for the next of its kind."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, final

import equinox as eqx
import jax
import jax.tree_util as jtu
from jaxtyping import Array, Float

from ...laws import bracket
from ..subject import Constant, Datum, Drift, Field, Subject, Vector
from ._mixed_field import mixed_fields
from ._orbit import carried_back

_AT_ONCE = 16
_KEPT = 16

Rows = Float[Array, "n S"]


@final
class Programs:
    """Fields at a state, and vectors made of several, for a field with other data.

    Parameters and data are arguments, so that another start or data set of one model
    compiles nothing; what else there is, a friction or rates, is a constant.
    """

    rows: Callable[[list[Array], Array, Datum], Rows]
    drift: Callable[[list[Array], Array], Vector]
    moving: Callable[[list[Array], Array, Datum], tuple[Array, Array]]
    inside: Callable[[list[Array], Array], Vector]
    brackets: Callable[[list[Array], Array, Array, Datum], Rows]
    orbit: Callable[[list[Array], Array, Array, Datum], Rows]

    def __init__(self, field: Callable[[list[Array]], Field]):
        def rows(given, z, data):
            return jax.vmap(field(given), in_axes=(None, 0))(z, data)

        def drift(given, z):
            return Drift(field(given).response)(z)

        def moving(given, z, data):
            return rows(given, z, data), drift(given, z)

        def vectors(vector, given, z, weights, data):
            own = field(given)
            alone = Drift(own.response) if own.response.state.timed else None
            fields = mixed_fields(own, alone)
            one = lambda chosen: vector(fields(z, *chosen), z)
            return jax.lax.map(one, (weights, data), batch_size=_AT_ONCE)

        self.rows = jax.jit(rows)
        self.drift = jax.jit(drift)
        self.moving = jax.jit(jax.vmap(moving, in_axes=(None, 0, 0)))
        self.inside = jax.jit(lambda given, z: field(given).response.inside(z))
        self.brackets = jax.jit(partial(vectors, bracket))
        self.orbit = jax.jit(partial(vectors, carried_back))


def programs_of(subject: Subject) -> tuple[Programs, list[Array]]:
    """The programs, and their first argument."""
    parts = _given(subject.field)
    given, structure = jtu.tree_flatten(parts)
    bare = _with(subject.field, [None] * len(parts))
    return _programs(Constant((bare, structure))), given


@lru_cache(maxsize=_KEPT)
def _programs(kind: Constant[tuple[Field, Any]]) -> Programs:
    bare, structure = kind.value
    return Programs(lambda given: _with(bare, jtu.tree_unflatten(structure, given)))


def _with(field: Field, parts: list[Any]) -> Field:
    return eqx.tree_at(_given, field, parts, is_leaf=lambda x: x is None)


def _given(field: Field) -> list[Any]:
    problem = field.response.problem
    return [
        problem.parameters,
        problem.inputs,
        problem.targets,
        problem.weights,
        problem.normaliser,
    ]
