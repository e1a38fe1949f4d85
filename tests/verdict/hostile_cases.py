"""Laws by a hostile reviewer: models, laws, what may be said of each, and why.

The truth of each law stands beside it. A unit whose activation is homogeneous of degree
q keeps q‖u‖² − ‖v‖² (chain rule and Euler's theorem): T below, with q = 1. F, a sum of
weights, moves. What a law is fooled by is written in `fools`; its test is then expected
to fail.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

from .truth_models import normal

V = gf.Verdict
TRUE, HERE, FALSE = {V.CONSERVED}, {V.CONSERVED_ON_THIS_DATA}, {V.BROKEN}
OPEN, FOLLOWS = {V.INCONCLUSIVE}, {V.PREDICTED_DECAY}
SAMPLES = 16
FLOW = gf.GradientFlow()


class Claim(NamedTuple):
    """A law, the verdicts that are right, words that its note must have, and what it
    fools, if it does."""

    fn: Callable[..., Any]
    right: set[gf.Verdict]
    note: str = ""
    fools: str = ""
    options: dict[str, Any] = {}


class Group(NamedTuple):
    """One run and the claims on it; `ladder` as of `check`."""

    solution: Callable[[], gf.Solution]
    claims: dict[str, Claim]
    ladder: bool = False
    slow: bool = True


GROUPS: dict[str, Group] = {}


class Net(eqx.Module):
    """A function of a dictionary of arrays and one sample."""

    p: dict[str, jax.Array]
    f: Callable[..., Any] = eqx.field(static=True)

    def __call__(self, x):
        return self.f(self.p, x)


class Loss(eqx.Module):
    f: Callable[..., Any] = eqx.field(static=True)

    def __call__(self, prediction, target):
        return self.f(prediction, target)


def X(width=3):
    return normal(3, SAMPLES, width)


Y = normal(4, SAMPLES, 2)
LABELS = jnp.arange(SAMPLES) % 3


def run(
    f: Callable[..., Any],
    data: Any = None,
    loss: Any = "mse",
    flow: Any = FLOW,
    time_scale: Any = 1.0,
    single: Any = False,
    **arrays: Any,
) -> Callable[[], gf.Solution]:
    """The solve of this model, with its options under `solve`."""
    options = {"t1": 0.3, "rtol": 1e-8, "solver": "tsit5"} | arrays.pop("solve", {})
    cast = lambda a: jnp.asarray(a, jnp.float32) if single else jnp.asarray(a)
    model = Net({name: cast(a) for name, a in arrays.items()}, f)
    data = jax.tree_util.tree_map(cast, data or (X(), Y))
    weights = np.ones(SAMPLES)
    problem = gf.Problem(model, loss, data, weights=weights, time_scale=time_scale)
    return lambda: gf.solve(flow, problem, **options)


def squares(a, axis=None):
    return jnp.sum(a**2, axis=axis)


# --- f = U relu(Vx), ladder on --------------------------------------------------------

U0, V0 = normal(1, 2, 3), normal(2, 3, 3)
two_layers = lambda p, x: p["u"] @ jax.nn.relu(p["v"] @ x)
units = lambda m: squares(m.p["u"], 0) - squares(m.p["v"], 1)
T = lambda m: jnp.sum(units(m))
F = lambda m: jnp.sum(m.p["v"])
size = lambda m: jnp.sqrt(squares(m.p["u"]) + squares(m.p["v"]))
stopped = jax.lax.stop_gradient
START = Net({"u": U0, "v": V0}, two_layers)
T0, SIZE0 = float(T(START)), float(size(START))
MIDDLE = 0.67  # F goes from 0.49 to 0.86

DRAWN = "a region that no random point meets is taken for none"
SETTLED = "the derivative is blind to a change below 1e-3 of a law along the field"
LAST = "a drift that neither falls nor stays on the last rung is taken for none"
RETURNS = "what comes back between the kept states leaves no trace in rate or drift"

rectified = {
    # A. Broken in a stretch; with the ladder on these are seen, but for the last three.
    "a switch in time": Claim(
        lambda t, m: T(m) + 1e-6 * jax.nn.sigmoid((t - 0.53) / 1e-4), FALSE
    ),
    "a switch in one of three components": Claim(
        lambda t, m: units(m).at[1].add(1e-5 * jax.nn.sigmoid((t - 0.53) / 1e-4)),
        FALSE,
    ),
    "a switch in the parameters": Claim(  # F passes the middle
        lambda m: T(m) + 1e-7 * jnp.tanh(1e6 * (F(m) - MIDDLE)), FALSE
    ),
    "hidden from the derivative": Claim(
        lambda m: T(m) + 1e-8 * stopped(F(m)), FALSE | OPEN
    ),
    "false in its twelfth digit": Claim(lambda m: T(m) + 1e-12 * F(m), FALSE, "rate"),
    "well hidden": Claim(  # ḣ = 1e-12 Ḟ; the resolution that is printed is 1e-14
        lambda m: T(m) + 1e-12 * stopped(F(m)), FALSE | OPEN, fools=SETTLED
    ),
    "a bump in time": Claim(  # it returns: h(0) = h(t1), but not between
        lambda t, m: T(m) + jnp.exp(-(((t - 0.53) / 1e-3) ** 2)), FALSE, fools=RETURNS
    ),
    "a bump in the parameters": Claim(  # where F passes the middle
        lambda m: T(m) + jnp.exp(-((1e4 * (F(m) - MIDDLE)) ** 2)), FALSE, fools=RETURNS
    ),
    # B. Functions of T alone, and of it and what it multiplies: constant.
    "a cosine of high frequency": Claim(lambda m: jnp.cos(1e9 * T(m)), TRUE),
    "one over it": Claim(lambda m: 1 / T(m), TRUE | OPEN),
    "square of a small difference": Claim(lambda m: (T(m) - T0) ** 2, TRUE),
    "digits lost in the value": Claim(  # (T + c)² − c² − 2cT = T²
        lambda m: (T(m) + 1e8) ** 2 - 1e16 - 2e8 * T(m), TRUE | OPEN
    ),
    "digits lost in an exponential": Claim(  # (e^{cT} − 1)/c
        lambda m: (jnp.exp(1e-12 * T(m)) - 1) * 1e12, TRUE | OPEN
    ),
    # C. Constant in this run, and not for all parameters, times or data.
    "zero on this level": Claim(  # h = 0 along the flow: T stays at its start
        lambda m: (T(m) - T0) * F(m), OPEN, "falls with the tolerance"
    ),
    "a window in later times": Claim(
        lambda t, m: T(m) + F(m) * jnp.exp(-(((t - 5) / 0.3) ** 2)), HERE, "t = "
    ),
    "long after": Claim(
        lambda t, m: T(m) + jax.nn.relu(t - 20) ** 2 * F(m), HERE, "t = "
    ),
    "before": Claim(
        lambda t, m: T(m) + jax.nn.relu(-t - 1) ** 2 * F(m), HERE, "t = ", DRAWN
    ),
    "outside of a large ball": Claim(
        lambda m: T(m) + jax.nn.relu(size(m) - 1e6) ** 2, HERE, "random", DRAWN
    ),
    "inside of a small ball": Claim(
        lambda m: T(m) + F(m) * jax.nn.relu(1e-3 - size(m)), HERE, "random", DRAWN
    ),
    "a thin shell": Claim(
        lambda m: T(m) + F(m) * jnp.exp(-(((size(m) - 5.4 * SIZE0) / 0.02) ** 2)),
        *(HERE, "random", DRAWN),
    ),
    # D. Scales.
    "1e-250 F": Claim(lambda m: 1e-250 * F(m), FALSE),
    "cube of 1e-99 F": Claim(lambda m: (1e-99 * F(m)) ** 3, FALSE | OPEN),
    "exp(F − 680)": Claim(lambda m: jnp.exp(F(m) - 680), FALSE | OPEN),
    "1e-297 T": Claim(lambda m: 1e-297 * T(m) + 1e-297, TRUE | OPEN),
    # E. Broken, and by what.
    "a rectified sine": Claim(
        lambda m: jnp.abs(jnp.sin(1e5 * F(m))), FALSE, "its rate along the run"
    ),
    "a sine of 1e12": Claim(
        lambda m: jnp.sin(1e12 * F(m)), FALSE, "its rate along the run"
    ),
    "roots": Claim(
        lambda m: jnp.sum(jnp.sqrt(jnp.abs(m.p["v"]))), FALSE, "its rate along the run"
    ),
    "roots of roots": Claim(
        lambda m: jnp.cbrt(jnp.cbrt(F(m))), FALSE, "its rate along the run"
    ),
    "a triangular wave": Claim(  # its derivative is that of its value but at kinks
        lambda m: jnp.abs(jnp.mod(1e6 * F(m), 1.0) - 0.5),
        *(FALSE, "its rate along the run"),
    ),
    "a sine of 1e14": Claim(lambda m: jnp.sin(1e14 * F(m)), FALSE | OPEN),
    "a sum that cancels": Claim(lambda m: (F(m) + 1e10) - 1e10, FALSE),
}
GROUPS["rectified units"] = Group(
    run(two_layers, u=U0, v=V0, solve={"t1": 1.0}), rectified, ladder=True
)

# A. |z| in the place of relu(z): a sample is held on its kink for 13 000 steps at 1e-8,
# and the two finest rungs of the ladder are out of reach.
GROUPS["held on a kink"] = Group(
    run(
        lambda p, x: p["u"] @ jnp.abs(p["v"] @ x),
        (normal(103, SAMPLES, 3), normal(104, SAMPLES, 2)),
        **{"u": normal(101, 2, 3), "v": normal(102, 3, 3)},
    ),
    {
        "units": Claim(units, TRUE | OPEN),
        "a switch in one of three components": Claim(
            lambda t, m: units(m).at[1].add(1e-5 * jax.nn.sigmoid((t - 0.137) / 1e-4)),
            FALSE | OPEN,
        ),
        "hidden from the derivative": Claim(
            lambda m: T(m) + 1e-7 * stopped(jnp.sum(m.p["u"])),
            *(FALSE | OPEN, "", LAST),
        ),
    },
    ladder=True,
)

# B. (T + c)² − c² − 2cT = T², of which c = 10⁸ leaves no digit.
GROUPS["lost digits"] = Group(
    run(two_layers, u=U0, v=V0),
    {"T²": Claim(lambda m: (T(m) + 1e8) ** 2 - 1e16 - 2e8 * T(m), TRUE | OPEN)},
)

# B. A function of T that overflows at the largest of the random points.
OVERFLOW = "an overflow is a region where it is no law, and a warning by NumPy"
GROUPS["overflow"] = Group(
    run(two_layers, u=U0, v=V0),
    {
        "a hundredth power": Claim(lambda m: T(m) ** 100, TRUE | OPEN, fools=OVERFLOW),
    },
)

# D. It holds, and where warnings are errors `check` ends with one.
GROUPS["a large factor"] = Group(
    run(two_layers, u=U0, v=V0),
    {"1e300 T": Claim(lambda m: 1e300 * T(m), TRUE | OPEN)},
)

# B. A true law on runs so short that all tolerances take the same one step.
for solver in ("dopri5", "tsit5"):
    GROUPS[f"one step of {solver}"] = Group(
        run(two_layers, u=U0, v=V0, solve={"t1": 8e-3, "solver": solver}),
        {"T": Claim(units, TRUE, options={"degree": "quadratic"})},
        ladder=True,
        slow=solver != "dopri5",
    )

# D. f = wx + 1e-15 px: p moves by itself, −1e-15 E[r x], known to all its digits.
slow_part = {
    "a slow part": Claim(lambda m: jnp.sum(m.p["p"]), FALSE | OPEN),
    "its square": Claim(lambda m: squares(m.p["p"]), FALSE | OPEN),
    "the fast part": Claim(lambda m: m.p["w"][0, 0], FALSE, "rate"),
    "both": Claim(lambda m: m.p["p"] - 1e-15 * m.p["w"], TRUE | OPEN),
}
small = {"w": normal(111, 1, 2), "p": 1e-3 * normal(112, 1, 2)}
beside = (X(2), Y[:, :1])
GROUPS["two units of measure"] = Group(
    run(lambda p, x: p["w"] @ x + 1e-15 * (p["p"] @ x), beside, **small),
    slow_part,
    slow=False,
)
GROUPS["two learning rates"] = Group(
    run(
        lambda p, x: p["w"] @ x + p["p"] @ x,
        *(beside, "mse", FLOW, {"p['p']": 1e-15}),
        **small,
    ),
    slow_part,
)
