"""What decay, momentum and step size do to a law h of degree q, in closed form.

After Kunin et al. 2021. A law of gradient flow, h = aᵀθ (q = 1) or θᵀAθ (q = 2), has
∇h·g = 0 for every gradient g.

- θ' = −g − λθ: h = e^{−qλt}h₀. Steps of size η add η∫e^{−2λ(t−s)}h(g(s))ds where q = 2,
  from h⁺ = (1 − ηλ)²h + η²h(g).
- mθ'' + τθ' = −g − λθ: mh'' + τh' + qλh is 0 where q = 1; where q = 2 it is 2m h(θ'),
  as h' = 2θᵀAθ' and h'' = 2h(θ') + 2θᵀAθ''.
- The heavy ball v⁺ = βv − η(g + λθ), θ⁺ = θ + v⁺ is the last with steps of √η: central
  differences of θ give m = (1 + β)/2, τ = (1 − β)/√η up to O(η). At rest θ₋₁ = θ₀,
  so θ'(0) = ½√η θ''(0), which with the equation is h'(0) = −½q√η λh₀.
"""

import numpy as np
from scipy.interpolate import CubicSpline


def decayed(t, start, rate, source=None):
    """h' = −rate·h + source: e^{−rate·t}h₀ + ∫e^{−rate(t−s)} source(s) ds.

    **Arguments:**

    - `t`: shape `(T,)`; `start`: h₀, shape `(n,)`; `source`: shape `(T, n)`.

    **Returns:** shape `(T, n)`.
    """
    shrink = np.exp(-rate * t)[:, None]
    return shrink * start + (0 if source is None else _convolved(t, rate, source))


def oscillating(t, start, velocity, mass, friction, stiffness, source=None):
    """mass·h'' + friction·h' + stiffness·h = source, as two of `decayed`.

    The roots r of mass·r² + friction·r + stiffness may be complex, not equal.
    """
    first, second = np.roots([mass, friction, stiffness]).astype(complex)
    gap = first - second
    one = (velocity - second * start) / gap
    two = (first * start - velocity) / gap
    force = None if source is None else source / (mass * gap)
    back = None if force is None else -force
    return np.real(decayed(t, one, -first, force) + decayed(t, two, -second, back))


def _convolved(t, rate, source):
    """∫e^{−rate(t−s)} source(s) ds, by a cubic spline through the nodes."""
    growth = np.exp(rate * t)[:, None]
    return CubicSpline(t, growth * source).antiderivative()(t) / growth
