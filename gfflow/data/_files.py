"""Arrays from .npz and .csv files."""

import csv
from collections.abc import Sequence
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._errors import ProblemError
from .._registry import suggest

Loaded = tuple[Array, Array] | tuple[Array, Array, Array]


def from_npz(
    path: str | Path,
    *,
    inputs: str = "x",
    targets: str = "y",
    weights: str | None = None,
) -> Loaded:
    """Arrays by name from a NumPy archive; pickled objects are refused.

    **Returns:** `(x, y)`, or `(x, y, weights)` where weights are named.

    **Raises:** `ProblemError` if the file cannot be read or has no array of a name.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            if isinstance(archive, np.ndarray):
                raise ProblemError(
                    f"{path} is a single array, not an .npz archive", argument="path"
                )
            found = []
            wanted = {"inputs": inputs, "targets": targets, "weights": weights}
            for argument, name in wanted.items():
                if not name:
                    continue
                if name not in archive:
                    raise ProblemError(
                        f"{path} has no array {name!r}{suggest(name, archive.files)}; "
                        f"it has: {', '.join(archive.files)}",
                        argument=argument,
                    )
                found.append(archive[name])
    except (OSError, ValueError, AttributeError) as error:
        raise ProblemError(
            f"{path} cannot be read as .npz: {error}", argument="path"
        ) from None
    return _arrays(found)


def from_csv(
    path: str | Path,
    *,
    targets: Sequence[str] | int = 1,
    header: bool = True,
    weights: str | None = None,
) -> Loaded:
    """Columns of numbers; the columns that are not targets or weights are the inputs.

    **Arguments:**

    - `targets`: names of columns, or how many of the last columns.
    - `header`: whether the first line has the names.
    - `weights`: the name of the column of sample weights.

    **Returns:** x `(N, inputs)` and y `(N, targets)`, whole-number targets of one
    column as integer labels `(N,)`; and the weights if named.

    **Raises:** `ProblemError` naming the line and column of what is not a number.
    """
    names, rows = _read_csv(path, header)
    if isinstance(targets, int):
        if not 1 <= targets < len(names):
            raise ProblemError(
                f"{path} has {len(names)} columns; {targets} targets leave no input",
                argument="targets",
            )
        targets = names[-targets:]
    for name in [*targets, *([weights] if weights else [])]:
        if name not in names:
            raise ProblemError(
                f"{path} has no column {name!r}{suggest(name, names)}; "
                f"it has: {', '.join(names)}",
                argument="targets" if name in targets else "weights",
            )
    column = {name: rows[:, i] for i, name in enumerate(names)}
    x = [column[name] for name in names if name not in targets and name != weights]
    if not x:
        raise ProblemError(
            f"{path} has no input column left beside the targets", argument="targets"
        )
    y = np.stack([column[name] for name in targets], axis=1)
    if y.shape[1] == 1 and np.all(y == np.round(y)):
        y = y[:, 0].astype(int)
    found = [np.stack(x, axis=1), y] + ([column[weights]] if weights else [])
    return _arrays(found)


def _read_csv(path, header) -> tuple[list[str], np.ndarray]:
    try:
        with open(path, newline="", encoding="utf-8") as file:
            lines = [(n, row) for n, row in enumerate(csv.reader(file), 1) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ProblemError(
            f"{path} cannot be read as .csv: {error}", argument="path"
        ) from None
    if len(lines) < 1 + header:
        raise ProblemError(f"{path} has no rows of data", argument="path")
    names = [name.strip() for name in lines[0][1]]
    if not header:
        names = [str(i) for i in range(len(names))]
    rows = []
    for number, row in lines[1 if header else 0 :]:
        if len(row) != len(names):
            raise ProblemError(
                f"{path}:{number}: {len(row)} columns; wanted {len(names)}",
                argument="path",
            )
        values = []
        for name, cell in zip(names, row):
            try:
                values.append(float(cell))
            except ValueError:
                raise ProblemError(
                    f"{path}:{number}: column {name!r}: wanted a number; got {cell!r}",
                    argument="path",
                ) from None
        rows.append(values)
    return names, np.asarray(rows)


def _arrays(found) -> Loaded:
    arrays = []
    for array in found:
        if array.dtype.kind not in "fiub":
            raise ProblemError(
                f"wanted real numbers; got dtype {array.dtype}", argument="path"
            )
        whole = array.dtype.kind in "iub"
        arrays.append(jnp.asarray(array, int if whole else float))
    return tuple(arrays)
