"""Verdicts of round-off turn on the order of sums in a program."""

import pytest

from ..compilation import compiled_as_users_do


@pytest.fixture(autouse=True, scope="package")
def order_of_sums():
    """As the compiler's defaults have it."""
    with compiled_as_users_do():
        yield
