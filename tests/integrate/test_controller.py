"""The control of the step size, step by step in plain numbers: nothing is solved."""

import diffrax
import jax.numpy as jnp
import pytest

from gfflow.integrate._controller import ControllerState, GuardedController
from gfflow.solvers import Spent, StepControl, StepReport

ORDER = 5
PLAIN = StepControl(1.0, 0.0, 0.9, 4.0, False)
PROPORTIONAL = StepControl(0.7, 0.4, 0.9, 4.0, False)
PREDICTIVE = StepControl(1.0, 0.0, 0.8, 3.0, True)
ULP = 2.0**-52


def first(dt=1.0, **changes) -> ControllerState:
    state = ControllerState.first(jnp.asarray(dt), Spent.zero())
    return state._replace(**{k: jnp.asarray(v) for k, v in changes.items()})


def attempt(error, state, **options):
    """What the controller says of a step from t over dt with this scaled error."""
    options = {
        "t": 0.0,
        "dt": 1.0,
        "y1": 1.0,
        "solved": 1.0,
        "control": PLAIN,
    } | options
    limits = {"t_end": 100.0, "max_steps": 1000, "pause_after": 1000}
    limits |= {name: options[name] for name in limits if name in options}
    controller = GuardedController(
        jnp.asarray(0.0),
        jnp.asarray(1.0),
        jnp.asarray(limits["t_end"]),
        jnp.asarray(limits["max_steps"]),
        jnp.asarray(limits["pause_after"]),
        state,
        options["control"],
    )
    t0 = jnp.asarray(options["t"])
    report = StepReport(
        jnp.asarray(float(error)),
        Spent.zero().plus(gradients=6, sequential=6),
        jnp.asarray(options["solved"]),
        t0 + options["dt"],
    )
    keep, t, t_next, _, new, result = controller.adapt_step_size(
        t0,
        t0 + options["dt"],
        jnp.asarray(1.0),
        jnp.asarray(options["y1"]),
        None,
        report,
        ORDER,
        state,
    )
    return bool(keep), float(t), float(t_next), new, result


def is_least(result) -> bool:
    return bool(result == diffrax.RESULTS.dt_min_reached)


def test_growth():
    keep, t, t_next, new, result = attempt(0.1, first())
    grown = 0.9 * 0.1 ** (-1 / ORDER)
    assert keep and t == 1.0 and new.dt == pytest.approx(grown)
    assert t_next == pytest.approx(1.0 + grown)
    assert (new.accepted, new.rejected) == (1, 0)
    assert new.previous_error == 0.1 and new.previous_dt == 1.0
    assert bool(result == diffrax.RESULTS.successful)
    assert attempt(0.0, first())[3].dt == PLAIN.growth
    assert attempt(0.0, first())[3].previous_error == 1e-4


def test_an_accepted_step_may_shrink():
    assert attempt(0.99, first())[3].dt == pytest.approx(0.9 * 0.99 ** (-1 / ORDER))


def test_proportional_part():
    new = attempt(0.1, first(previous_error=0.01), control=PROPORTIONAL)[3]
    wanted = 0.9 * 0.1 ** (-0.7 / ORDER) * 0.01 ** (0.4 / ORDER)
    assert new.dt == pytest.approx(wanted)


def test_predictive():
    """The error over h⁵ grew by 32, that is h asks for half as much as by itself."""
    before = first(previous_error=0.1 / 32, previous_dt=1.0)
    plain = 0.8 * 0.1 ** (-1 / ORDER)
    new = attempt(0.1, before, control=PREDICTIVE)[3]
    assert new.dt == pytest.approx(plain / 2)
    fallen = first(previous_error=0.5, previous_dt=1.0)
    assert attempt(0.1, fallen, control=PREDICTIVE)[3].dt == pytest.approx(plain)
    assert attempt(0.1, first(), control=PREDICTIVE)[3].dt == pytest.approx(plain)


def test_rejection():
    keep, t, t_next, new, result = attempt(32.0, first(previous_error=0.3), t=7.0)
    assert not keep and t == 7.0 and new.dt == pytest.approx(0.45)
    assert t_next == pytest.approx(7.45)
    assert (new.accepted, new.rejected) == (0, 1)
    assert new.previous_error == 0.3 and new.previous_dt == 0.0
    assert new.rejected_error == 32.0 and new.rejected_dt == 1.0
    assert bool(result == diffrax.RESULTS.successful)
    assert attempt(1e10, first())[3].dt == pytest.approx(0.2)


def test_nothing_grows_right_after_a_rejection():
    after = first(rejected_error=32.0, rejected_dt=2.0)
    new = attempt(1e-8, after)[3]
    assert new.dt == 1.0 and new.rejected_dt == 0.0
    assert attempt(1e-8, new)[3].dt == PLAIN.growth


@pytest.mark.parametrize("error, order", [(4.0, 1.0), (2.0, 2.0), (1.1, 2.86)])
def test_the_second_rejection_takes_the_order_that_it_sees(error, order):
    """8 at h = 1 and then 8/2^p at h = ½."""
    new = attempt(error, first(rejected_error=8.0, rejected_dt=1.0), dt=0.5)[3]
    assert new.dt == pytest.approx(0.5 * 0.9 * error ** (-1 / order), rel=1e-3)


def test_the_second_rejection_may_shrink_to_a_fiftieth():
    new = attempt(1e10, first(rejected_error=2e10, rejected_dt=1.0), dt=0.5)[3]
    assert new.dt == pytest.approx(0.5 * 0.02)


def test_an_unsolved_step_is_halved_and_shows_no_order():
    keep, _, _, new, _ = attempt(1e-3, first(), solved=0.0)
    assert not keep and new.dt == 0.5
    assert new.rejected_error == 0.0 and new.rejected_dt == 1.0
    again = attempt(2.0, new, dt=0.5)[3]
    assert again.dt == pytest.approx(0.5 * 0.9 * 2 ** (-1 / ORDER))


@pytest.mark.parametrize(
    "error, y1, solved",
    [(1e-3, jnp.nan, 1.0), (jnp.nan, 1.0, 1.0), (0.0, jnp.inf, 0.0)],
)
def test_a_step_that_is_not_finite_is_rejected(error, y1, solved):
    keep, t, _, new, result = attempt(error, first(), y1=y1, solved=solved)
    assert not keep and t == 0.0 and new.dt == pytest.approx(0.2)
    assert bool(new.non_finite) and not is_least(result)
    keep, _, _, after, _ = attempt(0.1, new, dt=0.2)
    assert keep and not bool(after.non_finite) and after.dt == pytest.approx(0.2)


def test_a_step_under_the_round_off_of_t_is_the_least():
    assert is_least(attempt(jnp.nan, first(ULP), t=1.0, dt=ULP)[4])
    assert is_least(attempt(100.0, first(4 * ULP), t=1.0, dt=4 * ULP)[4])
    assert not is_least(attempt(100.0, first(40 * ULP), t=1.0, dt=40 * ULP)[4])
    assert not is_least(attempt(100.0, first(ULP), t=0.0, dt=ULP)[4])


@pytest.mark.parametrize("units", range(1, 12))
@pytest.mark.parametrize("error", [1.0, 1.1, 1.5])
def test_a_rejected_step_is_shorter_or_the_least(units, error):
    """Three units in the last place shrink to 2.65: t + dt rounds to three again."""
    dt = units * ULP
    _, t, t_next, _, result = attempt(error, first(dt), t=1.0, dt=dt)
    assert t == 1.0 and (t_next < 1.0 + dt) != is_least(result)


def test_an_accepted_step_that_leaves_none_is_the_least():
    short = first(2 * ULP, previous_error=1e-4, previous_dt=20 * ULP)
    _, t, t_next, _, result = attempt(
        0.99, short, t=1.0, dt=2 * ULP, control=PREDICTIVE
    )
    assert t_next == t == 1.0 + 2 * ULP and is_least(result)
    assert is_least(attempt(0.0, first(1e-30), t=1.0, dt=0.0)[4])
    assert not is_least(attempt(0.99, short, t=1.0, dt=2 * ULP, t_end=1 + 2 * ULP)[4])


def test_the_end_of_the_interval_is_reached_exactly():
    """A last step longer by a hundredth, not a step of a hundredth after it."""
    reach = lambda t_end: attempt(0.9**ORDER, first(), t_end=t_end)[2]
    assert reach(2.009) == 2.009
    assert reach(2.02) == pytest.approx(2.0) and reach(1.5) == 1.5


def test_a_step_cut_short_leaves_the_natural_step():
    natural = first(1.0, previous_error=0.3, previous_dt=0.8)
    keep, _, t_next, new, result = attempt(0.1, natural, dt=0.1, t_end=0.1)
    assert keep and t_next == 0.1 and new.dt == 1.0
    assert new.previous_error == 0.3 and new.previous_dt == 0.8
    assert bool(result == diffrax.RESULTS.successful)
    assert attempt(0.0, natural, dt=0.5)[3].dt == 0.5 * PLAIN.growth


@pytest.mark.parametrize("limit", ["max_steps", "pause_after"])
def test_limits(limit):
    spent = lambda **more: attempt(0.1, first(accepted=2, rejected=1), **more)[4]
    reached = diffrax.RESULTS.max_steps_reached
    assert bool(spent(**{limit: 4}) == reached)
    assert not bool(spent(**{limit: 5}) == reached)
    assert not bool(spent(**{limit: 4}, t_end=1.0) == reached)


def test_rejected_steps_cost_too():
    once = attempt(2.0, first())[3]
    twice = attempt(0.5, once)[3]
    assert (once.spent.gradients, twice.spent.gradients) == (6, 12)
