"""The flows themselves: verdicts on what each law states, and the closed forms."""

from typing import NamedTuple

import closed_form
import jax.numpy as jnp
import numpy as np
import subjects

import gfflow as gf

DECAY, FRICTION, STIFFNESS = 0.5, 0.5, 0.5
TIMES = np.linspace(0.0, 1.0, 201)


class Finding(NamedTuple):
    """- `rate`: the largest |ḣ − stated| along the run, over the sum of its terms.
    - `drift`: from what the law states, by `gfflow.check`, over the scale of the law.
    - `residual`: from the closed form, over the scale of the law.
    """

    flow: str
    subject: str
    law: str
    verdict: str
    rate: float
    drift: float
    residual: float


def rising(t):
    """λ(t) = DECAY (1 − cos 2πt), whose integral is DECAY (t − sin(2πt)/2π)."""
    return DECAY * (1 - jnp.cos(2 * jnp.pi * t))


def findings(subject: subjects.Subject) -> list[Finding]:
    """Constant decay, decay that depends on time, momentum with decay."""
    total = DECAY * (TIMES - np.sin(2 * np.pi * TIMES) / (2 * np.pi))
    steady, varying = (
        gf.GradientFlow(DECAY),
        gf.flows.WeightDecay(gf.GradientFlow(), rising),
    )
    return [
        *_decaying(subject, steady, "gradient, λ", DECAY * TIMES),
        *_decaying(subject, varying, "gradient, λ(t)", total),
        *_oscillating(subject),
    ]


def _decaying(subject, flow, label, total):
    problem = subject.problem
    laws = [_stated(law, label) for law in subject.laws]
    solution = _solved(flow, problem, laws)
    report = gf.check(solution, laws, ladder=False)
    found = []
    for law in laws:
        values = np.asarray(solution.laws[law.name])
        shape = (len(TIMES), *[1] * (values.ndim - 1))
        shrink = np.exp(-subjects.power(law) * total).reshape(shape)
        gap = np.abs(values - shrink * values[0]) / subjects.size(law, problem)
        found.append(_finding(label, subject, law.name, report[law.name], gap))
    return found


def _stated(law, label):
    """The law, stating its decay: of degree q, ḣ = −qλh."""
    q = subjects.power(law)
    kept = dict(degree=law.degree, absolute=law.absolute, source=law.source)
    if label == "gradient, λ":
        return gf.Law(law.fn, law.name, decay_rate=q * DECAY, **kept)
    produced = lambda t, model: -q * rising(t) * law(t, model)
    return gf.Law(law.fn, law.name, production=produced, **kept)


def _oscillating(subject):
    problem, flow = subject.problem, gf.MomentumFlow(FRICTION, STIFFNESS)
    stated = {law.name: gf.laws.momentum_of(law, flow) for law in subject.laws}
    tracked = []
    for law in subject.laws:
        of_velocity = lambda phase, h=law: h(0.0, problem.model_at(phase.velocity))
        tracked += [law.on_model(), gf.Law(of_velocity, f"{law.name} of velocity")]
    solution = _solved(flow, problem, tracked)
    laws = [one for several in stated.values() for one in several]
    report = gf.check(solution, laws, ladder=False)
    found = []
    for law in subject.laws:
        values = _rows(solution.laws[law.name])
        source = None
        if law.degree == "quadratic":
            source = 2 * _rows(solution.laws[f"{law.name} of velocity"])
        stiffness = subjects.power(law) * STIFFNESS
        said = closed_form.oscillating(
            TIMES, values[0], 0 * values[0], 1.0, FRICTION, stiffness, source
        )
        gap = np.abs(values - said) / np.ravel(subjects.size(law, problem))
        for one in stated[law.name]:
            entry = report[one.name]
            found.append(_finding("momentum, τ, λ", subject, one.name, entry, gap))
    return found


def _rows(values):
    return np.asarray(values).reshape(len(values), -1)


def _solved(flow, problem, laws):
    return gf.solve(
        flow, problem, saveat=TIMES[1:], solver="dopri5", rtol=1e-8, laws=laws
    )


def _finding(label, subject, name, report, gap):
    verdict, rate, drift = str(report.verdict), float(report.rate), report.max_drift
    return Finding(
        label, subject.name, name, verdict, rate, float(drift), float(np.max(gap))
    )
