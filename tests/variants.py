"""Parameters of tests, some of them for the full run only."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def variants(values: Iterable[Any], slow: Collection[Any]) -> list[Any]:
    """The values; those in `slow` show nothing that the others do not, most likely, and
    are tried with `pytest -m ""` only."""
    return tuples([(value,) for value in values], [(value,) for value in slow])


def tuples(values: Iterable[tuple], slow: Collection[tuple]) -> list[Any]:
    """In the same way, each a value of several parameters."""
    mark = lambda value: pytest.param(*value, marks=pytest.mark.slow)
    return [mark(value) if value in slow else pytest.param(*value) for value in values]
