"""The symmetry of a model that a law comes from."""

from typing import Literal, final

import equinox as eqx
from jaxtyping import Array


@final
class Symmetry(eqx.Module):
    """(V, b, U) ↦ (MV, Mb, U M^{−q}), which changes no prediction of the model.

    V, b and U are arrays of parameters with the same r units: rows of V and b, columns
    of U. M is an r × r matrix of the group.

    **Attributes:**

    - `group`: `"rescaling"`: M diagonal with positive entries; `"linear"`: M
        invertible, and q = 1.
    - `rows`: the paths of V and b, the weight first.
    - `columns`: those of U.
    - `degree`: q.
    - `inverse_rates`: 1/s of each of these arrays by path, of the law's θ' = −s∘∇L.
    - `positive`: whether all rates of the flow are.
    """

    group: Literal["rescaling", "linear"] = eqx.field(static=True)
    rows: tuple[str, ...] = eqx.field(static=True)
    columns: tuple[str, ...] = eqx.field(static=True)
    degree: float = eqx.field(static=True)
    inverse_rates: dict[str, Array]
    positive: bool = eqx.field(static=True)
