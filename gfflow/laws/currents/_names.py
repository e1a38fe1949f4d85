"""Names of laws that were read off gradients, by the paths of their arrays."""

from ._matched import MatchedUnits
from ._units import Units

_SUMS = {1: ("sum",), 2: ("column sums", "row sums")}


def arrays_of(family: MatchedUnits) -> str:
    """Those with units in rows → the others, of units that all have one sign."""
    ends: dict[bool, list[str]] = {}
    for units in family.units:
        ends.setdefault(units.axis == 0, []).append(_spelled(units))
    parts = [", ".join(_short(ends[first])) for first in (True, False) if first in ends]
    return " → ".join(parts)


def name_of(family: MatchedUnits) -> str:
    """As one would say it: `rescaling of V → U`."""
    if not family.quadratic and len(family.units) == 1:
        return _of_sums(family.units[0])
    sides: dict[bool, list[str]] = {}
    rows: dict[bool, int] = {}
    for units, weight in zip(family.units, family.coefficients, strict=True):
        sides.setdefault(weight > 0, []).append(_spelled(units))
        rows[weight > 0] = rows.get(weight > 0, 0) + (units.axis == 0)
    if len(sides) == 1:
        (only,) = sides.values()
        kind = "norms" if family.units[0].kept else "norm"
        kind = kind if family.quadratic else "sums"
        return f"{kind} of {', '.join(_short(only))}"
    ends = sorted(sides, key=lambda sign: -rows[sign])
    first, second = (", ".join(_short(sides[sign])) for sign in ends)
    if not family.quadratic:
        return f"difference of {first} and {second}"
    kind = "rescaling" if family.pairs is None else "balancedness"
    return f"{kind} of {first} → {second}"


def _spelled(units: Units) -> str:
    if units.kind == "products":
        return f"{units.array}·{units.other}"
    chosen = units.chosen
    if chosen is None or len(chosen) != 1 or len(units.kept) != 1:
        return units.array
    return units.array + _index(units, chosen[0])


def _short(paths: list[str]) -> list[str]:
    """Each once, the weight and the bias of one layer as the layer."""
    paths = list(dict.fromkeys(paths))
    layers = [path.removesuffix(".weight") for path in paths]
    biases = {f"{layer}.bias" for layer, path in zip(layers, paths) if layer != path}
    return [layer for layer, path in zip(layers, paths) if path not in biases]


def _index(units: Units, i: int) -> str:
    inside = [":"] * len(units.shape)
    inside[units.axis or 0] = str(i)
    return f"[{', '.join(inside)}]"


def _of_sums(units: Units) -> str:
    over = [axis for axis in range(len(units.shape)) if axis not in units.axes]
    if not over:
        return f"constants of {units.array}"
    of = _SUMS.get(len(units.shape))
    one = len(over) == 1
    kind = of[over[0]] if of and one else f"sums over axis {', '.join(map(str, over))}"
    return f"{kind} of {units.array}"
