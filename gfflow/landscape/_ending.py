"""How a search for a critical point ends."""

import equinox as eqx


class Ending(eqx.Enumeration):
    """How a search for a critical point ended."""

    going_on = "The search goes on."
    converged = (
        "A critical point to within the threshold, and no descent from it at second "
        "order."
    )
    not_attained = (
        "Small gradient, but Newton steps that do not get shorter: the loss seems to "
        "have its infimum at infinity."
    )
    round_off = "Round-off in the gradient is above the threshold: raise that."
    max_iterations_reached = "Raise `max_iterations`."
    non_finite = "The loss or its gradient is not finite at the start."
