"""Costs at an error, log-interpolated along a ladder of tolerances."""

import math


def cost_at(points: list[dict], level: float, column: str) -> float:
    """What a solver spends for an error of `level`, log-interpolated on its ladder.

    The least over the ladder of what reaches the level, and of the points between a
    rung that does and its looser neighbour that does not; infinite if none does.
    """
    points = [
        (float(p["error"]), float(p[column]))
        for p in points
        if p["error"] not in ("", 0)
        and p[column] not in ("", "0")
        and float(p["error"]) > 0
    ]
    best = math.inf
    for index, (error, cost) in enumerate(points):
        if error > level:
            continue
        best = min(best, cost)
        if index and points[index - 1][0] > level:
            looser, cheaper = points[index - 1]
            part = math.log(looser / level) / math.log(looser / error)
            best = min(best, cheaper * (cost / cheaper) ** part)
    return best
