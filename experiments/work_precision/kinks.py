"""The reference of a ReLU network: exact between kinks, stopped at each of them.

With the pattern of active units frozen, the field of a network of one hidden layer is
a polynomial. It is integrated by collocation in extended precision to the first time
at which a preactivation changes its sign, found to round-off; there the pattern
changes, and the integration starts anew. Where the field pushes the state back to the
kink from both sides there is no such solution, and it stops with an error.
"""

from typing import NamedTuple

import numpy as np
from collocation import Tableau, estimate, first_guess, norm, solve_stages
from extended import Extended, Network


class Crossing(NamedTuple):
    """A sign change of the preactivation of `unit` on `sample` at time `t`."""

    t: float
    sample: int
    unit: int


def integrate(
    network: Network, start: np.ndarray, t1: float, tolerance: float, stages: int = 7
) -> tuple[np.ndarray, list[Crossing]]:
    """θ(t1) in extended precision, and the kinks crossed on the way.

    `tolerance` is of the estimated error a step, over the norm of θ.
    """
    tableau = Tableau.of(stages)
    none = (np.zeros(0), np.zeros((start.size, 0)))
    y, t, h = start.astype(Extended), Extended(0), Extended(1e-3)
    pattern = network.preactivations(y)[0] > 0
    crossings, previous = [], None
    while t < t1:
        slope = lambda x, p=pattern: -network.gradient(x, p)
        here = slope(y)
        step = min(h, Extended(t1) - t)
        slopes, _ = solve_stages(
            tableau, slope, y, step, none, first_guess(tableau, previous, step, here)
        )
        if slopes is None:
            h, previous = step / 3, None
            continue
        error = norm(estimate(tableau, step, here, slopes, none)) / norm(y)
        factor = 0.8 * max(float(error) / tolerance, 1e-10) ** (-1 / stages)
        if factor < 0.8:
            h = step * max(0.2, factor)
            continue
        hit = _first_crossing(tableau, network, pattern, y, step, slopes, crossings, t)
        if hit is None:
            y, t = y + step * (tableau.matrix[-1] @ slopes), t + step
            previous = (step, slopes)
            h = max(h, step * Extended(min(3.0, factor)))
            continue
        time, sample, unit = hit
        y, step = _land(tableau, network, slope, y, time, slopes, step, sample, unit)
        t += step
        pattern = pattern.copy()
        pattern[sample, unit] ^= True
        _check_transversal(network, y, pattern, sample, unit, float(t))
        crossings.append(Crossing(float(t), sample, unit))
        previous = None
    return y, crossings


def _first_crossing(tableau, network, pattern, y, step, slopes, crossings, t):
    """(time, sample, unit) of the first disagreement with the pattern in a step."""
    grid = np.linspace(0, 1, 33).astype(Extended)[1:]
    for start, end in zip([Extended(0), *grid[:-1]], grid):
        wrong = _at(tableau, network, y, step, slopes, end) > 0
        if start == 0 and crossings and crossings[-1].t == float(t):
            last = crossings[-1]
            _forgive(tableau, network, y, step, slopes, pattern, last, end, wrong)
        if not np.any(wrong != pattern):
            continue
        best = None
        for sample, unit in np.argwhere(wrong != pattern):
            low, high = start, end
            side = pattern[sample, unit]
            for _ in range(80):
                middle = (low + high) / 2
                z = _at(tableau, network, y, step, slopes, middle)[sample, unit]
                low, high = (middle, high) if (z > 0) == side else (low, middle)
            if best is None or high < best[0]:
                best = (high, int(sample), int(unit))
        return best[0] * step, best[1], best[2]
    return None


def _forgive(tableau, network, y, step, slopes, pattern, last, end, wrong):
    """The unit that has just crossed sits at zero, on either side by round-off."""
    z = _at(tableau, network, y, step, slopes, end)[last.sample, last.unit]
    scale = np.abs(network.preactivations(y)[0]).max()
    if abs(z) < 1e-17 * scale:
        wrong[last.sample, last.unit] = pattern[last.sample, last.unit]


def _at(tableau, network, y, step, slopes, c):
    """Preactivations of the hidden layer at the fraction c of a step."""
    weights = np.array([_integral(tableau.nodes, i, c) for i in range(len(slopes))])
    return network.preactivations(y + step * (weights @ slopes))[0]


def _integral(nodes, i, c):
    """∫_0^c of the i-th Lagrange polynomial."""
    polynomial = np.array([Extended(1)])
    for j, node in enumerate(nodes):
        if j != i:
            factor = np.array([-node, Extended(1)]) / (nodes[i] - node)
            polynomial = np.convolve(polynomial, factor)
    powers = np.arange(1, len(polynomial) + 1)
    return np.sum(polynomial * c**powers / powers)


def _land(tableau, network, slope, y, time, slopes, step, sample, unit):
    """A step that ends where the preactivation is zero, by Newton's method in time."""
    none = (np.zeros(0), np.zeros((y.size, 0)))
    for _ in range(6):
        found, _ = solve_stages(
            tableau, slope, y, time, none, first_guess(tableau, None, time, slope(y))
        )
        end = y + time * (tableau.matrix[-1] @ found)
        z = network.preactivations(end)[0][sample, unit]
        ahead = end + Extended(1e-6) * slope(end)
        rate = (network.preactivations(ahead)[0][sample, unit] - z) / Extended(1e-6)
        change = -z / rate
        if abs(change) < 1e-18 * max(1.0, float(step)):
            break
        time = time + change
    return end, time


def _check_transversal(network, y, pattern, sample, unit, t):
    slope = -network.gradient(y, pattern)
    z = network.preactivations(y)[0][sample, unit]
    ahead = network.preactivations(y + Extended(1e-6) * slope)[0][sample, unit]
    if (ahead > z) != pattern[sample, unit]:
        raise ArithmeticError(
            f"at t={t:.6g} unit {unit} is held at the kink of sample {sample}"
        )
