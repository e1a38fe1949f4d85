"""What a solver costs a step, its order, and the invariants that it keeps exactly."""

from typing import NamedTuple

from .._constants import (
    ACCURACY_GROWTH,
    ACCURACY_INTEGRAL,
    ACCURACY_PROPORTIONAL,
    ACCURACY_SAFETY,
    STABILITY_GROWTH,
    STABILITY_INTEGRAL,
    STABILITY_PROPORTIONAL,
    STABILITY_SAFETY,
)


class StepControl(NamedTuple):
    """Coefficients of proportional–integral step-size control (Gustafsson 1991).

    The next step is safety · e_n^{−integral/k} · e_{n−1}^{proportional/k} times the
    last, growth times at most. Integral control alone (1, 0) suits steps that accuracy
    bounds and that grow for ever; the proportional part calms steps that stability
    bounds, at the price that steps which grow by a factor g settle at an error of only
    g^{−k/(integral − proportional)}.

    A predictive control lets the error over h^k, if it has grown since the step before,
    grow by as much again, as it does where the flow leaves a saddle (Gustafsson 1994;
    Hairer & Wanner, Solving ODEs II, (IV.8.25)). The steps of a gradient flow that grow
    like t are doubled at most; those that grow faster are soon rejected.
    """

    integral: float
    proportional: float
    safety: float
    growth: float
    predictive: bool


STABILITY_BOUND = StepControl(
    STABILITY_INTEGRAL,
    STABILITY_PROPORTIONAL,
    STABILITY_SAFETY,
    STABILITY_GROWTH,
    False,
)
ACCURACY_BOUND = StepControl(
    ACCURACY_INTEGRAL, ACCURACY_PROPORTIONAL, ACCURACY_SAFETY, ACCURACY_GROWTH, True
)


class SolverProperties(NamedTuple):
    """**Attributes:**

    - `name`: as registered.
    - `order`: of the solution that is carried on.
    - `gradients_a_step`: gradients for each attempted step, `None` if the solver does
        not tell (the inner iterations of an implicit method).
    - `gradients_at_start`: evaluations before the first step.
    - `exact_degrees`: the degrees of the polynomial invariants that it keeps to
        round-off at any step size. Every Runge–Kutta method keeps linear ones
        (Hairer, Lubich & Wanner, Thm IV.1.5); quadratic ones need
        b_i a_ij + b_j a_ji = b_i b_j (Cooper 1987).
    - `tells`: whether the cost of a solve is known.
    - `control`: how its steps are controlled.
    - `imex`: takes the field as its explicit part, beside an implicit part of zero.
        (The other way round KenCarp does not get past its own Newton iteration below
        tolerances of about 1e-6 in Diffrax 0.7.2, already on y' = −y³.)
    - `carries_slope`: it takes the slope at the end of a step into the next one as the
        slope there, to the last bit. Where the state was moved in between, that is
        stale; a made jump makes it evaluate f anew, for one gradient.
    - `tells_stages`: `step_measured` shows the stages of a step.
    """

    name: str
    order: int
    gradients_a_step: int | None
    gradients_at_start: int
    exact_degrees: frozenset[str]
    tells: bool
    control: StepControl
    imex: bool = False
    carries_slope: bool = False
    tells_stages: bool = False
