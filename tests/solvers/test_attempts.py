"""A second attempt at the stage equations, with a new Jacobian."""

import jax.numpy as jnp
import pytest

from gfflow.solvers.collocation._attempts import attempts
from gfflow.solvers.collocation._deflation import Deflation
from gfflow.solvers.collocation._stage_iteration import Iterate
from gfflow.solvers.collocation._stage_system import StageSystem

PRODUCTS, ROUNDS = 5, 4


@pytest.mark.parametrize(
    ("kept", "helps", "tries"),
    [(True, True, 2), (True, False, 2), (False, False, 1)],
)
def test_only_an_old_jacobian_is_taken_anew(kept, helps, tries):
    """The iteration fails, unless a second Jacobian helps."""
    old = Deflation.none(3, 2, jnp.float64, jnp.asarray(0.0))
    guess = jnp.zeros((2, 3))
    whole = lambda number: jnp.asarray(number, int)

    def take(afresh):
        new = jnp.where(afresh | (not kept), whole(1), whole(0))
        count = jnp.where(afresh, whole(1), whole(0))
        return old._replace(count=count), PRODUCTS * new, new

    def iteration(correction):
        second = correction.__self__.deflation.count > 0
        solved = second & helps
        first = Iterate.first(guess, jnp.asarray(0.5))
        return first._replace(
            iterations=whole(ROUNDS), converged=solved, failed=~solved
        )

    system_of = lambda found: StageSystem.none(found, 2)
    made = attempts(guess, old, take, system_of, iteration)
    assert int(made.count) == tries and bool(made.last.converged) == (kept and helps)
    assert int(made.rounds) == tries * ROUNDS
    assert bool(made.fresh) and int(made.products) == PRODUCTS and int(made.chain) == 1
