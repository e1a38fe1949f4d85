"""What an integration cost."""

from typing import NamedTuple

from jaxtyping import Array, Float

from .._typing import IntScalarLike
from ..solvers import adapted
from ._carry import Carry
from ._integration import Integration
from ._product_ratio import pass_ratio, product_ratio
from ._stopwatch import Seconds


class Cost(NamedTuple):
    """What an integration cost.

    - `gradients`: full-data gradients, those for the first step, the saved rows and
      the stopping rules included; `None` where the solver does not tell.
    - `hvps`: Hessian-vector products.
    - `sequential_gradients`: the longest chain of gradients that wait for each other.
    - `gradient_equivalents`: gradients, products and forward passes in units of one
        gradient, a product at the ratio that `gfflow.product_ratio` measures on this
        problem, a pass by the same kind of measurement. `None` inside
        a traced program, as `wall_s` and `compile_s`, which are seconds.
    """

    gradients: Float[Array, ""] | int | None
    hvps: Float[Array, ""] | int | None
    sequential_gradients: Float[Array, ""] | int | None
    gradient_equivalents: float | None
    wall_s: float | None
    compile_s: float | None


def cost_of(
    integration: Integration,
    carry: Carry,
    rows: IntScalarLike,
    seconds: Seconds | None,
) -> Cost:
    """The cost up to a carry.

    A stopping rule is evaluated after each attempted step, and once a row.

    **Arguments:**

    - `rows`: how many were observed.
    - `seconds`: that it took; `None` in a traced program.
    """
    core, settings = integration.core, integration.settings
    wall, compiling = (None, None) if seconds is None else seconds
    if not adapted(core.solver).properties.tells:
        return Cost(None, None, None, None, wall, compiling)
    steps = carry.controller.accepted + carry.controller.rejected
    around = rows + 2 * (integration.dt0 is None)
    if settings.stop_gradient_norm is not None or settings.stop_loss is not None:
        around = around + steps + rows - 1
    spent = carry.controller.spent.plus(gradients=around, sequential=around)
    if seconds is None:
        return Cost(*spent[:3], None, wall, compiling)
    gradients, products, chain, passes = (int(count) for count in spent)
    ratio = product_ratio(core.problem) if products else 0.0
    equivalents = gradients + ratio * products
    forward = adapted(core.solver).forward_pass(core.problem)
    if passes and forward is not None:
        equivalents += passes * pass_ratio(core.problem, forward)
    return Cost(gradients, products, chain, equivalents, wall, compiling)


def sum_of_costs(one: Cost, other: Cost) -> Cost:
    """Of two runs, one after the other; what one of them does not tell is `None`."""
    add = lambda a, b: None if a is None or b is None else a + b
    return Cost(*[add(a, b) for a, b in zip(one, other)])
