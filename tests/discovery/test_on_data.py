"""Laws of one data set, told apart from those of all data."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import gfflow as gf
from gfflow.models import MLP

KEY = jax.random.key(0)
RANDOM = np.random.default_rng(0)
TARGETS = jnp.asarray(RANDOM.standard_normal((40, 2)))
OWN = "round-off, for this data only"


def test_a_pixel_that_is_never_on():
    """Its weights do not move; the laws of the units hold for all data."""
    x = RANDOM.standard_normal((40, 4))
    x[:, 1] = 0
    problem = gf.Problem(MLP([4, 3, 2], key=KEY), "mse", (jnp.asarray(x), TARGETS))
    found = gf.discover(problem, on="data")
    own = {name for name, how in found.verified.items() if how == OWN}
    assert own == {f"layers[0].weight[{k},1]" for k in range(3)}
    assert found.number == len(found.laws) == 6 and found.complete
    assert found.on == found.to_json()["on"] == "data"
    assert "3 of the laws hold for them only" in found.notes[0]


def test_inputs_of_low_rank():
    """Wx on inputs of a plane: what W makes of its normal does not move."""
    plane = RANDOM.standard_normal((2, 3))
    x = jnp.asarray(RANDOM.standard_normal((40, 2)) @ plane)
    model = eqx.nn.Linear(3, 2, use_bias=False, key=KEY)
    problem = gf.Problem(model, "mse", (x, TARGETS))
    assert gf.discover(problem).number == 0
    found = gf.discover(problem, on="data")
    assert found.number == len(found.laws) == 2 and found.complete
    assert set(found.verified.values()) == {OWN}
    normal = np.cross(*plane)
    for law in found.laws:
        slopes = np.asarray(eqx.filter_grad(lambda m: law(0.0, m))(model).weight)
        (row,) = np.flatnonzero(np.any(slopes != 0, axis=1))
        size = np.linalg.norm(slopes[row]) * np.linalg.norm(normal)
        assert abs(slopes[row] @ normal) == pytest.approx(size, rel=1e-12)


def test_without_data_there_are_no_laws_of_data():
    model = MLP([2, 3, 2], key=KEY)
    with pytest.raises(gf.DiscoveryError, match="Problem with data"):
        gf.discover((model, (2,)), on="data")
    with pytest.raises(gf.DiscoveryError, match="'all' or 'data'; got 'some'"):
        gf.discover((model, (2,)), on="some")
