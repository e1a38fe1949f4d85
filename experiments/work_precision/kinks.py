"""The reference of a ReLU network: exact between kinks, and along them.

With the sides of all kinks frozen, the field of a network of one hidden layer is
smooth. It is integrated by collocation in extended precision to the first time at which
a preactivation changes its sign, found to round-off. There the unit goes to the other
side; or, where the field points to the kink from both sides, the solution in Filippov's
sense (Filippov 1988, §4) goes on along it, with the gate γ for which z' = 0, until γ
leaves [0, 1], found to round-off as well. It also does where the kink has come to repel
on the way, as happens when the outer weight of a unit with one output changes its sign:
the solution along the kink is then no longer the only one.
"""

from typing import NamedTuple

import numpy as np
import stages as equations
from collocation import Tableau, first_guess, norm
from events import Interpolation, first_event, negative_from
from extended import Extended, Network
from pieces import Piece


class Crossing(NamedTuple):
    """A sign change of the preactivation of `unit` on `sample` at time `t`."""

    t: float
    sample: int
    unit: int


class Sliding(NamedTuple):
    """`unit` is held at the kink of `sample` from `start` to `end`; infinite if it is
    still held at the last horizon. From `repels` on, if not infinite, the kink repels,
    and the solution that goes on along it is one of several."""

    start: float
    end: float
    sample: int
    unit: int
    repels: float


class Flow(NamedTuple):
    """θ at each horizon in extended precision; kinks on the way; accepted steps."""

    states: list[np.ndarray]
    crossings: list[Crossing]
    slidings: list[Sliding]
    steps: int


def integrate(
    network: Network,
    start: np.ndarray,
    horizons: tuple[float, ...],
    tolerance: float,
    stages: int = 7,
) -> Flow:
    """θ in extended precision, from 0 to each horizon in turn.

    `tolerance` is of the estimated error a step, over the norm of θ.
    """
    run = _Run(network, start, tolerance, stages)
    states = []
    for end in horizons:
        run.to(Extended(end))
        states.append(run.y.copy())
    slidings = run.slidings + list(run.held.values())
    return Flow(states, run.crossings, slidings, run.steps)


class _Run:
    def __init__(self, network, start, tolerance, stages):
        self.tableau, self.tolerance = Tableau.of(stages), tolerance
        self.interpolation = Interpolation.of(self.tableau)
        self.y, self.t = start.astype(Extended), Extended(0)
        self.piece = Piece(network, network.preactivations(self.y)[0] > 0)
        self.h, self.gap, self.previous = 1e-3, 1e-3, None
        self.crossings, self.slidings, self.held = [], [], {}
        self.steps, self.last_event = 0, Extended(0)

    def to(self, end):
        """Integrate to a time."""
        while self.t < end:
            step = Extended(min(self.h, 3 * self.gap, float(end - self.t)))
            if end - (self.t + step) < 1e-3 * step:
                step = end - self.t
            self._advance(step)

    def _advance(self, step):
        double = self.y.astype(float)
        here = self.piece.evaluate(double[None])
        jacobian = equations.jacobian(self.piece, self.y)
        guess = first_guess(self.tableau, self.previous, step, here.slopes[0])
        rough = self._solve(double, step, guess, jacobian)
        if rough is None:
            self.h, self.previous = float(step) / 3, None
            return
        slopes, found, newton = rough
        factor = self._factor(here.slopes[0], slopes, float(step), newton)
        if factor < 0.8:
            self.h = float(step) * max(0.2, factor)
            return
        event = self._event(here, found)
        if event is not None:
            self._meet(event, step, here, slopes, jacobian)
            return
        fine = self._solve(self.y, step, slopes, jacobian, newton)
        if fine is None:
            self.h, self.previous = float(step) / 3, None
            return
        self._note_repelling(step, here, fine[1])
        self._accept(step, fine[0])
        self.previous = step, fine[0]
        self.h = max(self.h, float(step) * min(4.0, factor))
        self.gap = max(self.gap, float(self.t - self.last_event))

    def _solve(self, y, step, guess, jacobian, newton=None):
        if newton is None and jacobian is not None:
            newton = equations.Newton.of(self.tableau, jacobian, float(step))
        made = equations.solve(
            self.tableau, self.piece.evaluate, y, step, guess, newton
        )
        return made and (*made, newton)

    def _factor(self, here, slopes, step, newton):
        defect = self.tableau.defect.astype(float)
        error = step * (defect[0] * here + defect[1:] @ slopes)
        if newton is not None:
            error = newton.damping @ error
        ratio = float(norm(error) / norm(self.y)) / self.tolerance
        return 0.8 * max(ratio, 1e-10) ** (-1 / len(self.tableau.nodes))

    def _event(self, here, found):
        joined = lambda start, later: np.concatenate([start, later])
        inside = joined(self.piece.inside(here), self.piece.inside(found))
        pairs = zip(self.piece.gates(here), self.piece.gates(found))
        u, back = (joined(*pair) for pair in pairs)
        size = max(np.abs(u).max(initial=0), np.abs(back).max(initial=0))
        scales = float(np.abs(here.z).max()), float(size)
        return first_event(self.interpolation, inside, (u, back), scales)

    def _meet(self, event, step, here, slopes, jacobian):
        """End the step where the margin is 0, and change the piece there."""
        part, of_gate, index = event
        margin = lambda found: self._margin(found, of_gate, index)
        guess = self._within(slopes, part)
        time, slopes = self._land(part * step, margin, here, guess, jacobian)
        self._accept(time, slopes)
        self.gap = 0.7 * self.gap + 0.3 * float(self.t - self.last_event)
        self.last_event, self.previous = self.t, None
        if of_gate:
            self._leave(index)
        else:
            self._cross(*np.unravel_index(index, self.piece.pattern.shape))

    def _land(self, time, margin, here, slopes, jacobian):
        """The time and the slopes of a step that ends where a margin is 0, by Newton's
        method, first in double precision."""
        now = max(1, self.t)
        for y, close in ((self.y.astype(float), 1e-14), (self.y, 2e-19)):
            newton = None
            for _ in range(8):
                made = self._solve(y, time, slopes, jacobian, newton)
                if made is None:
                    raise ArithmeticError(f"no step to a kink at t={float(self.t):.6g}")
                slopes, found, newton = made
                values = np.concatenate([margin(here), margin(found)])
                rate = (self.interpolation.slope_at_end @ values.astype(float)) / time
                change = -values[-1] / rate
                if abs(change) < close * now:
                    break
                time = time + change
        return time, slopes

    def _margin(self, found, of_gate, index):
        """z, u or G − u at some states."""
        if not of_gate:
            return found.z.reshape(len(found.z), -1)[:, index]
        u, back = self.piece.gates(found)
        count = u.shape[1]
        return u[:, index] if index < count else (back - u)[:, index - count]

    def _within(self, slopes, part):
        """The slopes at the stages of a part of a step, from those of the step."""
        nodes = self.tableau.nodes.astype(float)
        gaps = nodes[:, None] - nodes[None, :] + np.eye(len(nodes))
        at = nodes * part
        basis = np.ones((len(at), len(at)))
        for i in range(len(nodes)):
            for j in range(len(nodes)):
                if i != j:
                    basis[:, i] *= (at - nodes[j]) / gaps[i, j]
        return basis @ slopes.astype(float)

    def _accept(self, step, slopes):
        self.y = self.piece.onto(self.y + step * (self.tableau.matrix[-1] @ slopes))
        self.t, self.steps = self.t + step, self.steps + 1

    def _cross(self, sample, unit):
        kink = int(sample), int(unit)
        self.piece, slides, left = self.piece.crossed(self.y, *kink)
        if slides:
            self.held[kink] = Sliding(float(self.t), np.inf, *kink, np.inf)
        else:
            self.crossings.append(Crossing(float(self.t), *kink))
        for other in left:
            self._end(other)

    def _leave(self, index):
        count = len(self.piece.samples)
        index, at_one = index % count, index >= count
        kink = int(self.piece.samples[index]), int(self.piece.units[index])
        attracts = self.piece.evaluate(self.y[None]).back[0, *kink] > 0
        self.piece = self.piece.left(index, at_one == attracts)
        self._end(kink)

    def _end(self, kink):
        self.slidings.append(self.held.pop(kink)._replace(end=float(self.t)))

    def _note_repelling(self, step, here, found):
        back = [self.piece.gates(seen)[1] for seen in (here, found)]
        changes = negative_from(self.interpolation, np.concatenate(back).astype(float))
        for part, index in changes:
            kink = int(self.piece.samples[index]), int(self.piece.units[index])
            since = float(self.t + part * step)
            since = min(since, self.held[kink].repels)
            self.held[kink] = self.held[kink]._replace(repels=since)
