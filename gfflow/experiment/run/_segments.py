"""Rows and kept states as the arrays of a segment, and back."""

from collections.abc import Iterable, Mapping
from typing import Any

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ...integrate import LawRate, Record, Row, in_one_row
from ...problem import parameter_paths

_LAW = "laws/"
_RATE = "law_rates/"
_STATE = "parameters/"


def arrays_of(record: Record) -> dict[str, np.ndarray]:
    """Name → array. The name of an array of the states is its path."""
    rows, states = record.rows, record.states
    arrays = {
        "ts": rows.t,
        "loss": rows.loss,
        "gradient_norm": rows.gradient_norm,
        "parameters_ts": record.state_ts,
    }
    arrays |= {_LAW + name: values for name, values in rows.laws.items()}
    for name, rate in (rows.rates_by_law or {}).items():
        arrays |= {f"{_RATE}{k}/{name}": x for k, x in rate._asdict().items()}
    paths = parameter_paths(states)
    arrays |= {_STATE + p: x for p, x in zip(paths, jtu.tree_leaves(states))}
    return {name: np.asarray(array) for name, array in arrays.items()}


def record_of(
    table: Mapping[str, np.ndarray], laws: Iterable[str], like: Any
) -> Record:
    """From the arrays of one segment, or of several joined.

    **Arguments:**

    - `laws`: the names of the laws.
    - `like`: has the structure of a state. Its arrays are told by their order.
    """
    array = lambda name: jnp.asarray(table[name])
    values = {name: array(_LAW + name) for name in laws}
    rates = None
    if any(name.startswith(_RATE) for name in table):
        of = lambda law: (array(f"{_RATE}{k}/{law}") for k in LawRate._fields)
        rates = in_one_row({name: LawRate(*of(name)) for name in laws}, 1)
    rows = Row(array("ts"), array("loss"), array("gradient_norm"), values, rates)
    columns = [array(name) for name in table if name.startswith(_STATE)]
    states = jtu.tree_unflatten(jtu.tree_structure(like), columns)
    return Record(rows, array("parameters_ts"), states)
