"""Real optimisers: measured laws against the closed forms, at three step sizes."""

from typing import NamedTuple

import closed_form
import jax
import numpy as np
import subjects

import gfflow as gf
from gfflow import discrete

SGD_RATES, SGD_DECAY, SGD_TIME = (0.04, 0.02, 0.01), 0.2, 4.0
BALL_RATES, BALL_DECAY, BALL_TIME = (4e-3, 1e-3, 2.5e-4), 0.5, 8.0
FRICTION, BATCH = 0.5, 25
PLAIN, STEPS, EXACT = "without η", "with η", "decay by steps"
LIMIT, MASS = "limit η → 0", "mass (1 + β)/2"


class Curve(NamedTuple):
    """One law of one optimiser, a row a step at the largest step size.

    - `identity`: the largest residual of the exact identity of a step.
    - `errors`: closed form -> the largest error over scale, by step size.
    - `ts`, `measured`, `said`: of one component, closed form -> values.
    """

    optimiser: str
    subject: str
    law: str
    rates: tuple[float, ...]
    identity: float
    errors: dict[str, list[float]]
    ts: np.ndarray
    measured: np.ndarray
    said: dict[str, np.ndarray]

    def slope(self, form: str) -> float:
        """d log error / d log η, by least squares."""
        logs = np.log(self.rates), np.log(self.errors[form])
        return float(np.polyfit(*logs, 1)[0])


def curves(subject: subjects.Subject) -> list[Curve]:
    """SGD on minibatches and the heavy ball on all data, both with weight decay."""
    return [
        *_studied(subject, "sgd", SGD_RATES, _sgd),
        *_studied(subject, "heavy ball", BALL_RATES, _heavy_ball),
    ]


def _studied(subject, optimiser, rates, study):
    rows = [study(subject, rate) for rate in rates]
    found = []
    for law in subject.laws:
        of_law = [row[law.name] for row in rows]
        scale = np.ravel(subjects.size(law, subject.problem))
        errors = {
            form: [
                float(np.max(np.abs(one["measured"] - one["said"][form]) / scale))
                for one in of_law
            ]
            for form in of_law[0]["said"]
        }
        first = of_law[0]
        moved = np.abs(first["measured"] - first["measured"][0]) / scale
        shown = int(np.argmax(np.max(moved, axis=0)))
        found.append(
            Curve(
                optimiser,
                subject.name,
                law.name,
                rates,
                max(one["identity"] for one in of_law),
                errors,
                first["ts"],
                first["measured"][:, shown],
                {form: said[:, shown] for form, said in first["said"].items()},
            )
        )
    return found


def _sgd(subject, rate):
    """Each law with its closed forms: without the term in η and with it (none where
    q = 1), and with the decay (1 − ηλ)^{t/η} of the steps: λ → −log(1 − ηλ)/η."""
    optimiser = discrete.sgd(weight_decay=SGD_DECAY)
    flow = gf.DiscreteFlow(optimiser, rate, batch=BATCH, seed=0)
    run, ts, theta = _run(subject, flow, round(SGD_TIME / rate))
    gradients = jax.tree_util.tree_map(
        lambda x: (x[:-1] - x[1:]) / rate - SGD_DECAY * x[:-1], theta
    )
    stepwise = -np.log1p(-rate * SGD_DECAY) / rate
    found = {}
    for law in subject.laws:
        q, values = subjects.power(law), _rows(run.laws[law.name])[:-1]
        source = None
        if q == 2:
            source = rate * _along(law, subject.problem, gradients)
        solved = lambda decay, force: closed_form.decayed(
            ts[:-1], values[0], q * decay, force
        )
        said = {PLAIN: solved(SGD_DECAY, None)}
        if q == 2:
            said[STEPS] = solved(SGD_DECAY, source)
        said[EXACT] = solved(stepwise, source)
        found[law.name] = _row(run, law, ts[:-1], values, said)
    return found


def _heavy_ball(subject, rate):
    """At fixed τ, β = 1 − τ√η: the limit η → 0, and the mass (1 + β)/2 of a step."""
    step = np.sqrt(rate)
    momentum = 1 - FRICTION * step
    optimiser = discrete.heavy_ball(momentum, weight_decay=BALL_DECAY)
    flow = gf.DiscreteFlow(optimiser, rate, time_per_step=step)
    run, ts, theta = _run(subject, flow, round(BALL_TIME / step))

    def centred(x):
        before = np.concatenate([x[:1], x[:-2]])
        return (x[1:] - before) / (2 * step)

    velocity = jax.tree_util.tree_map(centred, theta)
    ts, found = ts[:-1], {}
    for law in subject.laws:
        q, values = subjects.power(law), _rows(run.laws[law.name])[:-1]
        source = 2 * _along(law, subject.problem, velocity) if q == 2 else None

        def solved(mass, start):
            force = None if source is None else mass * source
            return closed_form.oscillating(
                ts, values[0], start, mass, FRICTION, q * BALL_DECAY, force
            )

        started = -0.5 * q * step * BALL_DECAY * values[0]
        said = {
            LIMIT: solved(1.0, 0 * started),
            MASS: solved((1 + momentum) / 2, started),
        }
        found[law.name] = _row(run, law, ts, values, said)
    return found


def _run(subject, flow, steps):
    """The run, its times, and its parameters at every step."""
    every = np.arange(steps + 1)
    run = flow.run(subject.problem, save=every, laws=subject.laws)
    assert run.finished
    return run, np.asarray(run.ts), jax.tree_util.tree_map(np.asarray, run.states)


def _row(run, law, ts, values, said):
    identity = float(np.max(run.residuals[law.name]))
    return dict(ts=ts, measured=values, said=said, identity=identity)


def _along(law, problem, trees):
    """h of each row of parameters, shape `(rows, n)`."""
    value = jax.jit(jax.vmap(lambda tree: law(0.0, problem.model_at(tree))))
    return _rows(value(trees))


def _rows(values):
    return np.asarray(values).reshape(len(values), -1)
