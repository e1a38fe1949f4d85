"""What is counted, and in which unit: one full-data gradient."""

import time
from dataclasses import dataclass
from typing import NamedTuple

import jax
import numpy as np
from field import Field

from gfflow.solvers.collocation import PRODUCT_BLOCK

_BATCHES = (PRODUCT_BLOCK, 8, 16, 32, 64, 128)


class Ratios(NamedTuple):
    """The price of a Hessian-vector product in gradients, measured on one problem.

    **Attributes:**

    - `gradient_s`: CPU seconds of one compiled gradient.
    - `product`: one product alone.
    - `batched`: one product of a batch by vmap, at the batch size where it is cheapest.
    - `block`: one product of a batch of the size that gfflow's collocation takes.
    """

    gradient_s: float
    product: float
    batched: float
    block: float

    def equivalents(
        self, gradients: float, products: float, batched: float, blocked: float = 0
    ) -> float:
        """Gradient equivalents; a dense exact Hessian is D batched products."""
        cost = gradients + self.product * products
        return cost + self.batched * batched + self.block * blocked


def measure(field: Field, seconds: float = 2.0) -> Ratios:
    """Medians of CPU time over interleaved calls, for about `seconds` in all.

    CPU time, because what else runs on the machine changes it little.
    """
    y = jax.numpy.asarray(field.start)
    random = np.random.default_rng(0)
    sizes = sorted({min(b, field.size) for b in _BATCHES})
    blocks = {b: jax.numpy.asarray(random.standard_normal((b, y.size))) for b in sizes}
    calls = {"gradient": lambda: field.gradient(y)}
    vector = blocks[sizes[0]][0]
    calls["product"] = lambda: field.product(y, vector)
    for b in sizes:
        calls[b] = lambda b=b: field.products(y, blocks[b])
    for call in calls.values():
        call().block_until_ready()
    spent = {name: [] for name in calls}
    end = time.process_time() + seconds
    while time.process_time() < end or len(spent["gradient"]) < 5:
        for name, call in calls.items():
            for _ in range(1 if isinstance(name, int) else 5):
                began = time.process_time()
                call().block_until_ready()
                spent[name].append(time.process_time() - began)
    median = {name: float(np.median(times)) for name, times in spent.items()}
    unit = median["gradient"]
    each = {b: median[b] / b / unit for b in sizes}
    block = each[min(PRODUCT_BLOCK, field.size)]
    return Ratios(unit, median["product"] / unit, min(each.values()), block)


class OverBudget(Exception):
    """A contestant spent more than it may."""


@dataclass
class Meter:
    """Counts the calls of a solver that runs on the host, and stops it over budget.

    `depth` is the chain of calls that wait for each other, a dense Hessian being one.
    """

    field: Field
    ratios: Ratios
    gradients: int = 0
    products: int = 0
    hessians: int = 0

    @property
    def depth(self) -> int:
        """Calls one after another."""
        return self.gradients + self.products + self.hessians

    @property
    def equivalents(self) -> float:
        """Gradient equivalents so far."""
        return self.ratios.equivalents(
            self.gradients, self.products, self.hessians * self.field.size
        )

    def slope(self, t: float, y: np.ndarray) -> np.ndarray:
        """−∇L."""
        self.gradients += 1
        self._check()
        return -np.asarray(self.field.gradient(y))

    def jacobian(self, t: float, y: np.ndarray) -> np.ndarray:
        """−∇²L."""
        self.hessians += 1
        self._check()
        return -self.field.hessian(y)

    def jacobian_times(self, y: np.ndarray, v: np.ndarray) -> np.ndarray:
        """−∇²L·v."""
        self.products += 1
        self._check()
        return -np.asarray(self.field.product(y, v))

    def _check(self):
        if self.equivalents > self.field.case.budget:
            raise OverBudget
