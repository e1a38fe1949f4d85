"""Drift of laws against the step size, at a fixed flow time."""

from typing import NamedTuple

import jax
import numpy as np

import gfflow as gf
from gfflow import discrete

TIME = 1.0
STEPS = np.geomspace(1e2, 1e6, 9).round().astype(int)


class Curve(NamedTuple):
    """- `per_step`: flow time of a step. `drift`: max |h(T) − h(0)| / scale of the law.
    - `residual`: of the exact identity, the largest in any step of any run, or `None`.
    """

    method: str
    law: str
    per_step: np.ndarray
    drift: np.ndarray
    residual: float | None

    @property
    def is_round_off(self) -> bool:
        """Whether it is no more than ε a step."""
        steps = TIME / self.per_step
        return bool(np.all(self.drift < np.finfo(float).eps * (10 + steps)))

    @property
    def slope(self) -> float:
        """d log drift / d log step, by least squares over all four decades."""
        return float(np.polyfit(np.log(self.per_step), np.log(self.drift), 1)[0])


def deep_linear() -> gf.Problem:
    """A (4, 6, 3) linear network under cross-entropy: laws of both kinds, no kinks."""
    key = jax.random.key(0)
    x = jax.random.normal(key, (30, 4))
    y = jax.random.randint(jax.random.fold_in(key, 1), (30,), 0, 3)
    model = gf.models.DeepLinear([4, 6, 3], key=jax.random.key(2))
    return gf.Problem(model, "softmax_cross_entropy", (x, y))


def curves() -> list[Curve]:
    """Each method at nine step sizes over four decades."""
    problem = deep_linear()
    laws = gf.known_laws(problem, gf.GradientFlow())
    methods = (
        discrete.sgd(),
        discrete.heavy_ball(0.9),
        discrete.nesterov(0.9),
        discrete.adam(),
    )
    found = []
    for method in methods:
        rows = []
        unit = float(method.time(1.0, False))
        for steps in STEPS:
            flow = gf.DiscreteFlow(method, TIME / (unit * steps))
            run = flow.run(problem, save=[int(steps)], laws=laws)
            comparison = gf.compare(
                gf.GradientFlow(), run, sharpness=False, solver="dopri8"
            )
            rows.append([comparison.laws[law.name] for law in laws])
        for law, drifts in zip(laws, zip(*rows)):
            residuals = [d.residual for d in drifts if d.residual is not None]
            found.append(
                Curve(
                    method.name,
                    law.name,
                    TIME / STEPS,
                    np.array([d.discrete for d in drifts]),
                    max(residuals) if residuals else None,
                )
            )
    return found
