"""What is kept of rows as they come: nothing is solved."""

import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

from gfflow.integrate import Carry, Recorder, Row, Status
from gfflow.integrate._controller import ControllerState
from gfflow.integrate._record import kept_rows
from gfflow.solvers import Spent


def carry_at(t, status=Status.successful) -> Carry:
    control = ControllerState.first(jnp.asarray(0.1), Spent.zero())
    return Carry(jnp.asarray(t), {"w": jnp.full(2, t)}, control, None, status)


def row_at(t) -> Row:
    value = jnp.asarray(t)
    return Row(value, 2 * value, 3 * value, {"law": jnp.stack([value, -value])})


def filled(count, *, total=11, every=3, before=None, earlier=0) -> Recorder:
    recorder = Recorder(total, every, before, earlier)
    for i in range(earlier, count):
        recorder.add(carry_at(float(i)), row_at(float(i)))
    return recorder


def same(a, b) -> bool:
    leaves, others = jtu.tree_leaves(a), jtu.tree_leaves(b)
    return len(leaves) == len(others) and all(map(np.array_equal, leaves, others))


@pytest.mark.parametrize(
    "count, every, kept",
    [
        (11, 3, [0, 3, 6, 9, 10]),
        (11, 0, [0, 10]),
        (4, 1, [0, 1, 2, 3]),
        (7, 3, [0, 3, 6]),
        (2, 50, [0, 1]),
    ],
)
def test_rows_with_the_whole_state(count, every, kept):
    assert kept_rows(count, every) == kept


def test_all_rows_and_some_states():
    record = filled(11).held()
    assert np.array_equal(record.rows.t, range(11))
    assert np.array_equal(record.rows.loss, 2 * np.arange(11))
    assert record.rows.laws["law"].shape == (11, 2)
    assert np.array_equal(record.state_ts, [0, 3, 6, 9, 10])
    assert np.array_equal(record.states["w"][:, 1], record.state_ts)


def test_the_state_of_an_early_stop_is_kept():
    recorder = filled(5)
    recorder.add(carry_at(4.5, Status.stopped_loss), row_at(4.5))
    record = recorder.held()
    assert record.rows.t[-1] == record.state_ts[-1] == record.states["w"][-1, 0] == 4.5
    assert np.array_equal(record.state_ts, [0, 3, 4.5])


@pytest.mark.parametrize("cut", range(1, 11))
def test_what_is_taken_is_held_no_longer(cut):
    """Pieces, one after another, are the whole; also where a piece has no state."""
    whole = filled(11).held()
    recorder = filled(cut)
    first = recorder.held()
    recorder.forget()
    assert recorder.held() is None
    assert recorder.count == cut and recorder.last.t == cut - 1
    for i in range(cut, 11):
        recorder.add(carry_at(float(i)), row_at(float(i)))
    second = recorder.held()
    assert len(second.rows.t) == 11 - cut
    assert same(first.followed_by(second), whole)
    assert same(whole.first(cut), first)


@pytest.mark.parametrize("cut", [1, 4, 8])
def test_going_on_with_a_piece(cut):
    whole = filled(11).held()
    recorder = filled(11, before=filled(cut).held(), earlier=cut)
    assert same(recorder.held(), whole) and recorder.count == 11
    still = Recorder(11, 3, whole, 11)
    assert same(still.held(), whole) and still.last.t == 10 and still.count == 11


def test_adding_a_row_again_after_an_interrupt_keeps_one_state():
    recorder = filled(3)
    recorder._states[3] = jnp.asarray(3.0), {"w": jnp.full(2, 3.0)}
    recorder.add(carry_at(3.0), row_at(3.0))
    assert np.array_equal(recorder.held().state_ts, [0, 3])
