"""When Auto goes over to another solver: the whole truth table."""

import jax.numpy as jnp
import pytest

from gfflow.solvers.auto._decision import STIFF, decide
from gfflow.solvers.explicit import KINKED, SMOOTH

EXPLICIT = {False: SMOOTH, True: KINKED}


@pytest.mark.parametrize("kinked", [False, True])
@pytest.mark.parametrize("pressed", [False, True])
@pytest.mark.parametrize(
    ("mode", "enough"), [(SMOOTH, 4), (KINKED, 4), (STIFF, 8)], ids=str
)
def test_every_decision(mode, enough, pressed, kinked):
    """It leaves once enough steps in a row spoke for it, this one included; one that
    does not starts the count again, and so does every change."""
    for before in range(enough + 2):
        following, votes = decide(
            jnp.asarray(mode),
            jnp.asarray(before),
            jnp.asarray(pressed),
            jnp.asarray(kinked),
        )
        left = pressed and before + 1 >= enough
        stiff = left != (mode == STIFF)
        assert int(following) == (STIFF if stiff else EXPLICIT[kinked])
        stays = int(following) == mode
        assert int(votes) == (before + 1 if pressed and stays else 0)
