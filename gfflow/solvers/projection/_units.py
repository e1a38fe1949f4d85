"""The units that symmetries act on, as rows and columns of arrays."""

from collections.abc import Callable, Sequence

import jax.tree_util as jtu
from jaxtyping import Array, PyTree

from ..._typing import State
from ...laws import Law, Symmetry
from ...problem import named_leaves, named_parameters


def symmetries_of(laws: Sequence[Law]) -> list[Symmetry]:
    """Those of the laws that carry one."""
    return [law.symmetry for law in laws if law.symmetry is not None]


def sides(
    symmetries: Sequence[Symmetry],
) -> tuple[dict[str, int], dict[str, int], dict[str, Symmetry]]:
    """Path → the symmetry whose units are its rows; whose units are its columns; any
    one of the two."""
    rows = {path: i for i, one in enumerate(symmetries) for path in one.rows}
    columns = {path: i for i, one in enumerate(symmetries) for path in one.columns}
    owners = {path: symmetries[index] for path, index in (rows | columns).items()}
    return rows, columns, owners


def sees_its_parameters(laws: Sequence[Law], state: State, seen: PyTree) -> bool:
    """Whether the arrays that the laws name are leaves of the state itself."""
    mine, theirs = named_parameters(state), named_parameters(seen)
    paths = sides(symmetries_of(laws))[2]
    return all(path in mine and mine[path] is theirs[path] for path in paths)


def as_matrix(array: Array) -> Array:
    """A vector as a column."""
    return array[:, None] if array.ndim == 1 else array


def changed(state: State, change: Callable[[str, Array], Array]) -> State:
    """The state with each leaf replaced by `change(path, leaf)`."""
    changed = [change(path, leaf) for path, leaf in named_leaves(state)]
    return jtu.tree_unflatten(jtu.tree_structure(state), changed)
