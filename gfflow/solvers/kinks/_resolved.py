"""Steps that end at kinks."""

from collections.abc import Callable
from typing import ClassVar, final

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from ..._typing import Scalar
from ...flows import AbstractFlow
from ...kinks import Pieces, Reading
from ..collocation import LegendreInterpolation
from ..explicit import explicit_step
from ..protocol import (
    ACCURACY_BOUND,
    AbstractFlowSolver,
    AbstractSolverState,
    SolverProperties,
    Spent,
    adapted,
    traced_once,
)
from ._contact import settle
from ._held import Held, Slots
from ._search import first_kink, zero_of

# Kinks that can be met at once, those that the flow slides along included.
_SLOTS = 32
_OUTSIDE = 1e-9
# In units of one over the step, and where it is chosen anew.
_PULL, _LEAST_PULL = 0.2, 0.02


class KinkState(AbstractSolverState):
    """**Attributes:**

    - `bits`, `margins`: of all kinks, at the end of the last step.
    - `slots`: the kinks that the flow slides along.
    - `slope`: the field there.
    - `pull`: how fast what slides is drawn back to its kink, in units of one over time.
    - `end`: the time at which the last step ended.
    - `crossed`, `slid`: kinks crossed, and slid into, so far.
    """

    bits: Bool[Array, " E"]
    margins: Float[Array, " E"]
    slots: Slots
    slope: Float[Array, " D"]
    pull: Scalar
    end: Scalar
    crossed: Array
    slid: Array
    solved: Bool[Array, ""]
    spent: Spent


@final
class KinkResolved(AbstractFlowSolver[KinkState]):
    method: type = eqx.field(static=True)
    flow: AbstractFlow
    reading: Reading = eqx.field(static=True)
    rtol: Scalar | float
    atol: Scalar | float

    term_structure: ClassVar = diffrax.AbstractTerm
    interpolation_cls: ClassVar[Callable[..., LegendreInterpolation]] = (
        LegendreInterpolation
    )

    def __init__(self, method, flow, reading):
        self.method, self.flow, self.reading = method, flow, reading
        self.rtol = self.atol = 1e-6

    def controlled(self, rtol, atol, norm):
        return eqx.tree_at(lambda s: (s.rtol, s.atol), self, (rtol, atol))

    @property
    def properties(self) -> SolverProperties:
        inner = adapted(self.method()).properties
        return inner._replace(
            name="kink_resolved_" + inner.name,
            gradients_a_step=None,
            control=ACCURACY_BOUND,
            carries_slope=False,
            tells_stages=False,
        )

    def order(self, terms):
        return self.method().order(terms)

    def error_order(self, terms):
        return self.method().error_order(terms)

    def func(self, terms, t0, y0, args):
        return terms.vf(t0, y0, args)

    def init(self, terms, t0, t1, y0, args) -> KinkState:
        flat, unravel = ravel_pytree(y0)
        held = Held(self.flow, Pieces(self.reading, args), unravel)
        bits, slots = held.bits(flat), Slots.none(_SLOTS, flat.dtype)
        margins = held.margins(flat, bits, slots)
        slots = _met(margins, bits, slots, jnp.asarray(-1))
        slope, bits, slots = settle(held, t0, flat, bits, slots, _PULL / (t1 - t0))
        return KinkState(
            bits=bits,
            margins=margins,
            slots=slots,
            slope=slope,
            pull=jnp.asarray(_PULL / (t1 - t0), flat.dtype),
            end=jnp.asarray(t0),
            crossed=jnp.asarray(0),
            slid=jnp.asarray(0),
            solved=jnp.asarray(True),
            spent=Spent.zero().plus(1, 0, 1),
        )

    @traced_once
    def step(self, terms, t0, t1, y0, args, solver_state, made_jump):
        old = solver_state
        flat, unravel = ravel_pytree(y0)
        held = Held(self.flow, Pieces(self.reading, args), unravel)
        h = jnp.asarray(terms.contr(t0, t1), flat.dtype)
        bits, slots, pull = old.bits, old.slots, old.pull
        fitting = (h * pull > _LEAST_PULL) & (h * pull < 1)
        new_pull = jnp.where(fitting, pull, _PULL / h)
        field = lambda t, y: held.slope(t, y, bits, slots, pull)[0]
        made = explicit_step(field, t0, t1, h, flat, old.slope, True, 0, (self.method,))
        size = self._size(made.error, flat, made.y1)
        good = (size < 1) & jnp.all(jnp.isfinite(made.y1))

        def path(c):
            basis = _legendre(2 * c - 1, made.coefficients.shape[0])
            return flat + h * (basis.astype(flat.dtype) @ made.coefficients)

        def ended():
            found = first_kink(held, path, bits, slots, old.margins)
            left, out = self._left(
                held, path, t0, t1, bits, slots, pull, made, found.at
            )
            cut = found.any | (out >= 0)
            entry = jnp.where(found.any & (found.at <= left), found.entry, -1)
            at = jnp.minimum(left, found.at)
            y = jnp.where(cut, path(at), made.y1)
            end = jnp.where(cut, t0 + at * (t1 - t0), t1)
            leaves = left < found.at
            margins = jax.lax.cond(
                leaves, lambda: held.margins(y, bits, slots), lambda: found.margins
            )

            def contact():
                met = _met(margins, bits, slots, entry)
                return settle(held, end, y, bits, met, new_pull)

            anew = cut | (~fitting & jnp.any(slots.sliding))
            slope, new_bits, new_slots = jax.lax.cond(
                anew, contact, lambda: (made.slope, bits, slots)
            )
            crossed = jnp.sum(new_bits != bits)
            slid = jnp.sum(new_slots.taken) - jnp.sum(slots.taken)
            state = KinkState(
                bits=new_bits,
                margins=margins,
                slots=new_slots,
                slope=slope,
                pull=jnp.where(anew, new_pull, pull),
                end=end,
                crossed=old.crossed + crossed,
                slid=old.slid + jnp.maximum(slid, 0),
                solved=jnp.asarray(True),
                spent=old.spent.plus(anew, 0, anew, found.passes),
            )
            return y, state

        y1, state = jax.lax.cond(
            good,
            ended,
            lambda: (made.y1, eqx.tree_at(lambda s: s.end, old, jnp.asarray(t1))),
        )
        state = eqx.tree_at(
            lambda s: s.spent,
            state,
            state.spent.plus(made.gradients, 0, made.gradients),
        )
        dense = dict(y0=y0, coefficients=jax.vmap(unravel)(made.coefficients), step=h)
        return (
            unravel(y1),
            unravel(made.error),
            dense,
            state,
            diffrax.RESULTS.successful,
        )

    def _left(self, held, path, t0, t1, bits, slots, pull, made, most):
        """Where a gate of what slides leaves [0, 1], as a part of the step, and which
        slot; 1 and −1 if none does."""

        def gates(c):
            t = t0 + c * (t1 - t0)
            return held.slope(t, path(c), bits, slots, pull)[1].gate

        def beyond(gate):
            out = jnp.maximum(-gate, gate - 1)
            return jnp.max(jnp.where(slots.sliding, out, -1.0))

        def locate():
            at_end = beyond(gates(most))

            def search():
                def halve(_, ends):
                    low, high = ends
                    middle = (low + high) / 2
                    out = beyond(gates(middle)) > _OUTSIDE
                    return jnp.where(out, low, middle), jnp.where(out, middle, high)

                return jax.lax.fori_loop(0, 20, halve, (jnp.zeros_like(most), most))[1]

            out = at_end > _OUTSIDE
            return jax.lax.cond(out, search, lambda: jnp.ones_like(most)), jnp.where(
                out, 0, -1
            )

        none = lambda: (jnp.ones_like(most), jnp.asarray(-1))
        return jax.lax.cond(jnp.any(slots.sliding), locate, none)

    def _size(self, error, a, b):
        scale = self.atol + self.rtol * jnp.maximum(jnp.abs(a), jnp.abs(b))
        return jnp.sqrt(jnp.mean((error / scale) ** 2))

    def end_of_step(self, state: KinkState, t1):
        return state.end


def _met(margins, bits, slots: Slots, entry) -> Slots:
    """The slots that slide, with the kink `entry` and those that are 0 beside it."""
    size, count = bits.shape[0], slots.entry.shape[0]
    near = jnp.abs(margins) <= 4 * zero_of(margins)
    near = near.at[jnp.where(slots.sliding, slots.entry, size)].set(False, mode="drop")
    near = near.at[jnp.where(entry >= 0, entry, size)].set(True, mode="drop")
    key = jnp.where(near, jnp.abs(margins), jnp.inf)
    key = key.at[jnp.where(entry >= 0, entry, size)].set(-1.0, mode="drop")
    least, which = jax.lax.top_k(-key, min(count, size))
    which = jnp.where(jnp.isfinite(least), which, -1)
    which = jnp.concatenate([which, jnp.full(count - which.shape[0], -1)])
    kept = slots.held
    held = jnp.sum(slots.sliding)
    place = jnp.arange(count) - held
    new = jnp.where(place >= 0, which[jnp.maximum(place, 0)], -1)
    empty = ~kept.sliding
    return Slots(
        jnp.where(empty, new, kept.entry),
        kept.sliding,
        jnp.where(
            empty,
            bits[jnp.maximum(new, 0)].astype(kept.gate.dtype),
            kept.gate,
        ),
    )


def _legendre(x, count):
    values = [jnp.ones_like(x), x]
    for n in range(1, count - 1):
        values.append(((2 * n + 1) * x * values[n] - n * values[n - 1]) / (n + 1))
    return jnp.stack(values[:count])
