"""The field of a case in heyoka's symbols, and its flow to 200 bits.

heyoka integrates by Taylor series of an order that the precision decides (70 at 200
bits). Smooth cases are one integration. With kinks, the pattern of the ReLUs is held
fixed between events, an event is where an argument of a ReLU is zero, found to the
precision of the arithmetic; there that argument changes its side.
"""

from typing import NamedTuple

import heyoka as hy
import jax.tree_util as jtu
import numpy as np
from arithmetic import BITS, Symbols, constants, exact
from problems import Case


class Twin(NamedTuple):
    """A case in symbols.

    **Attributes:**

    - `variables`: the entries of the state, in the order of JAX's flattened one.
    - `field`: their derivatives in time.
    - `kinks`: the arguments of the ReLUs; see `Symbols.kinks`.
    - `start`: the state at time 0, doubles.
    """

    variables: list[hy.expression]
    field: list[hy.expression]
    kinks: list[hy.expression]
    start: np.ndarray

    @classmethod
    def of(cls, case: Case) -> "Twin":
        """Its loss is differentiated by heyoka."""
        leaves, tree = jtu.tree_flatten(case.start)
        start = np.concatenate([np.ravel(leaf).astype(float) for leaf in leaves])
        theta = hy.make_vars(*[f"theta{i}" for i in range(len(start))])
        parts, at = [], 0
        for leaf in leaves:
            entries = np.array(theta[at : at + leaf.size], object)
            parts.append(entries.reshape(leaf.shape) if leaf.ndim else entries[0])
            at += leaf.size
        symbols = Symbols()
        parameters = jtu.tree_unflatten(tree, parts)
        losses = [
            case.criterion(
                case.formula(parameters, constants(x), symbols), constants(y), symbols
            )
            for x, y in zip(*case.data)
        ]
        loss = hy.sum(losses) / exact(float(len(losses)))
        slope = hy.diff_tensors([loss], diff_args=theta).gradient
        force = [-g - exact(case.decay) * v for g, v in zip(slope, theta)]
        if case.friction is None:
            return cls(theta, force, symbols.kinks, start)
        velocity = hy.make_vars(*[f"velocity{i}" for i in range(len(start))])
        damped = [a - exact(case.friction) * v for a, v in zip(force, velocity)]
        return cls(
            [*theta, *velocity],
            [*velocity, *damped],
            symbols.kinks,
            np.concatenate([start, np.zeros_like(start)]),
        )

    def rate(self, state: np.ndarray) -> np.ndarray:
        """The field at a state, in double precision."""
        return _function(self, self.field)(state, self.pattern(state))

    @property
    def kink_rates(self) -> list[hy.expression]:
        """The derivatives in time of the arguments of the ReLUs."""
        slopes = hy.diff_tensors(self.kinks, diff_args=self.variables)
        rows = slopes.jacobian
        return [hy.sum([d * v for d, v in zip(row, self.field)]) for row in rows]

    def pattern(self, state: np.ndarray) -> np.ndarray:
        """1 where the argument of a ReLU is positive at a state, else 0."""
        found = np.zeros(len(self.kinks))
        if not self.kinks:
            return found
        function = _function(self, self.kinks)
        for _ in self.kinks:
            again = (function(state, found) > 0).astype(float)
            if np.array_equal(again, found):
                break
            found = again
        return found


def _function(twin: Twin, outputs):
    """Of a state and the pattern, in double precision."""
    compiled = hy.cfunc(outputs, vars=twin.variables, compact_mode=True)
    count = compiled.nparams
    return lambda state, pattern: compiled(
        state, **({"pars": pattern[:count]} if count else {})
    )


def integrate(case: Case, bits: int = BITS) -> tuple[np.ndarray, int]:
    """The state at t1 as an array of heyoka's reals, and how many kinks were crossed.

    **Raises:** `ArithmeticError` where the flow does not get there.
    """
    twin = Twin.of(case)
    number = lambda x: hy.real(float(x), bits)
    crossed = []
    options = {}
    if twin.kinks:
        rates = _function(twin, twin.kink_rates)
        options["pars"] = [number(x) for x in twin.pattern(twin.start)]
        options["t_events"] = [
            hy.t_event(kink, fp_type=hy.real, callback=_Flip(index, rates, crossed))
            for index, kink in enumerate(twin.kinks)
        ]
    system = hy.taylor_adaptive(
        list(zip(twin.variables, twin.field)),
        [number(x) for x in twin.start],
        fp_type=hy.real,
        compact_mode=True,
        **options,
    )
    outcome = system.propagate_until(number(case.t1))[0]
    if outcome != hy.taylor_outcome.time_limit:
        raise ArithmeticError(f"{case.name}: heyoka stopped with {outcome}")
    state = system.state.copy()
    sides = twin.pattern(state.astype(float))
    if not np.array_equal(sides, [float(x) for x in system.pars]):
        raise ArithmeticError(f"{case.name}: a ReLU is on the wrong side at the end")
    return state, len(crossed)


class _Flip:
    """The argument of a ReLU changes its side, unless the flow is held there."""

    def __init__(self, index: int, rates, crossed: list[int]):
        self.index, self.rates, self.crossed = index, rates, crossed

    def __call__(self, system, direction: int) -> bool:
        side = 1.0 if direction > 0 else 0.0
        if float(system.pars[self.index]) == side:  # found twice
            return True
        system.pars[self.index] = hy.real(side, system.prec)
        pattern = np.array([float(x) for x in system.pars])
        after = self.rates(system.state.astype(float), pattern)[self.index]
        if after * direction <= 0:
            raise ArithmeticError(
                f"at t = {float(system.time):.4g} the flow is held at kink {self.index}"
            )
        self.crossed.append(self.index)
        return True

    def __deepcopy__(self, memo):
        return self
