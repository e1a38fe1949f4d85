"""Commands set JAX's precision for their process; tests set it back."""

import jax
import pytest


@pytest.fixture(autouse=True)
def double_precision_again():
    yield
    jax.config.update("jax_enable_x64", True)
