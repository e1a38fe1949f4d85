"""Text, character by character."""

import importlib
import string

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from .._errors import ProblemError

_LETTERS = string.ascii_lowercase + " "


def text(
    length: int = 16, *, samples: int | None = None, seed: int = 0
) -> tuple[Array, Array]:
    """Sequences of characters, and the character after each: the description of the
    digits that comes with scikit-learn, some 2000 characters of English.

    Labels are 0 to 25 for letters of either case, 26 for space, 27 for all else.

    **Arguments:**

    - `length`: of a sequence; they do not overlap.
    - `samples`: a random subset of this many, drawn with `seed`.

    **Returns:** `(samples, length)` twice, whole numbers.

    **Raises:** `ProblemError` without scikit-learn, for a length that is not positive
    or too long, or too many samples.
    """
    try:
        datasets = importlib.import_module("sklearn.datasets")
    except ImportError:
        raise ProblemError(
            "this text comes with scikit-learn, which is not installed; install "
            'gfflow with its extra: pip install "gfflow[data]"'
        ) from None
    words = " ".join(datasets.load_digits().DESCR.lower().split())
    labels = np.array([_LETTERS.find(c) % (len(_LETTERS) + 1) for c in words])
    if not 1 <= length < len(labels):
        raise ProblemError(
            f"length is from 1 to {len(labels) - 1}; got {length}", argument="length"
        )
    count = (len(labels) - 1) // length
    x = labels[: count * length].reshape(count, length)
    y = labels[1 : count * length + 1].reshape(count, length)
    if samples is not None:
        if not 1 <= samples <= count:
            raise ProblemError(
                f"there are {count} sequences of {length} characters; {samples} were "
                "asked for",
                argument="samples",
            )
        chosen = np.random.default_rng(seed).permutation(count)[:samples]
        x, y = x[chosen], y[chosen]
    return jnp.asarray(x, int), jnp.asarray(y, int)
