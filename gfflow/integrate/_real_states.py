"""Complex data are no complex state."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def real_states() -> Iterator[None]:
    """Silence Diffrax's warning about complex numbers.

    It looks at all that it is given, the data of the problem included; a state is real.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Complex dtype support in Diffrax")
        yield
