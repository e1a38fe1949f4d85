"""Real data sets that come with scikit-learn."""

import importlib
from typing import Literal

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._errors import ProblemError

Targets = Literal["one_hot", "labels", "values", "inputs"]
Layout = Literal["flat", "image", "rows"]
_SIDE = 8


def digits(
    *,
    samples: int | None = None,
    standardise: bool = True,
    targets: Targets | Literal["next_row"] = "one_hot",
    layout: Layout = "flat",
    batch: int | None = None,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Handwritten digits, 1797 × 64 grey values, 10 classes.

    **Arguments:**

    - `samples`: a random subset of this many, drawn with `seed`.
    - `standardise`: each input to mean 0 and variance 1 (constant ones to 0).
    - `targets`: `"one_hot"` rows, integer `"labels"`, or the label as a `"values"`
        column. `"inputs"`: the data are a matrix to be factorised: its row numbers,
        and its rows. `"next_row"`: an image is read row by row, and the row after
        each of the first seven is wanted: both are `(7, 8)`.
    - `layout`: an input is `"flat"` `(64,)`, an `"image"` `(1, 8, 8)`, or a sequence of
        `"rows"` `(8, 8)`.
    - `batch`: one sample is so many of these, with a leading axis of that length, for
        models that normalise over a batch.

    **Raises:** `ProblemError` without scikit-learn, for too many samples, or a batch
    that does not divide them.
    """
    of_table: Targets = "labels" if targets == "next_row" else targets
    x, y = _load("load_digits", samples, standardise, of_table, seed)
    if targets == "next_row":
        rows = x.reshape(-1, _SIDE, _SIDE)
        x, y = rows[:, :-1], rows[:, 1:]
    elif targets != "inputs":
        shapes = {"flat": (-1,), "image": (1, _SIDE, _SIDE), "rows": (_SIDE, _SIDE)}
        x = x.reshape(len(x), *shapes[layout])
    if batch is None:
        return x, y
    if batch < 1 or len(x) % batch:
        raise ProblemError(
            f"batch divides the number of samples, {len(x)}; got {batch}",
            argument="batch",
        )
    joined = lambda a: a.reshape(-1, batch, *a.shape[1:])
    return joined(x), joined(y)


def breast_cancer(
    *,
    samples: int | None = None,
    standardise: bool = True,
    targets: Targets = "labels",
    seed: int = 0,
) -> tuple[Array, Array]:
    """Breast cancer Wisconsin, 569 × 30, 2 classes. Arguments as for `digits`."""
    return _load("load_breast_cancer", samples, standardise, targets, seed)


def diabetes(
    *,
    samples: int | None = None,
    standardise: bool = True,
    targets: Targets = "values",
    seed: int = 0,
) -> tuple[Array, Array]:
    """Diabetes progression, 442 × 10, real values. Arguments as for `digits`.

    With `standardise` the target is standardised too.
    """
    return _load("load_diabetes", samples, standardise, targets, seed)


def _load(name, samples, standardise, targets, seed) -> tuple[Array, Array]:
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise ProblemError(
            "this data set comes with scikit-learn, which is not installed; "
            'install gfflow with its extra: pip install "gfflow[data]"'
        ) from None
    x, y = getattr(datasets, name)(return_X_y=True)
    x = np.asarray(x, float)
    classes = np.issubdtype(y.dtype, np.integer)
    if not classes and targets not in ("values", "inputs"):
        raise ProblemError(
            f"{name.removeprefix('load_')} has real targets; its targets are "
            f"'values' or 'inputs', not {targets!r}",
            argument="targets",
        )
    if samples is not None:
        if samples > len(x):
            raise ProblemError(
                f"{name.removeprefix('load_')} has {len(x)} samples; {samples} were "
                "asked for",
                argument="samples",
            )
        order = np.random.default_rng(seed).permutation(len(x))[:samples]
        x, y = x[order], y[order]
    if standardise:
        x = _standardised(x)
        y = y if classes else _standardised(y[:, None])[:, 0]
    if targets == "inputs":
        return jnp.arange(len(x)), jnp.asarray(x, float)
    if targets == "one_hot":
        y = np.eye(int(y.max()) + 1)[y]
    elif targets == "values":
        y = y[:, None].astype(float)
    dtype = int if targets == "labels" else float
    return jnp.asarray(x, float), jnp.asarray(y, dtype)


def _standardised(x):
    deviation = x.std(axis=0)
    return (x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
