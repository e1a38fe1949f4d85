"""A look at the installation, and a self-test of a few seconds."""

import time
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp

from ..flows import GradientFlow
from ..integrate import solve
from ..laws import known_laws
from ..models import DeepLinear
from ..problem import Problem
from ..verdict import check
from .store import devices, versions


def examine() -> dict[str, Any]:
    """Versions, devices, precision, and the outcome of the self-test."""
    jax.config.update("jax_enable_x64", True)
    return {
        "versions": versions(),
        "devices": devices(),
        "float64": bool(jnp.asarray(1.0).dtype == jnp.float64),
        "self_test": _self_test(),
    }


def _self_test() -> dict[str, Any]:
    """The scalar net x ↦ uvx from u = v, whose product p = uv solves a logistic ODE.

    With L = ½(p − 1)² at x = 1: u' = −v(p − 1), v' = −u(p − 1), so u² − v² is constant;
    from u = v = s it stays 0, p' = 2p(1 − p) and p(t) = 1 / (1 + (1/s² − 1) e^{−2t}).
    """
    began = time.perf_counter()
    start = 0.3
    model = DeepLinear([1, 1, 1], key=jax.random.key(0))
    weight = jnp.full((1, 1), start)
    model = eqx.tree_at(
        lambda m: [layer.weight for layer in m.layers], model, [weight, weight]
    )
    one = jnp.ones((1, 1))
    problem = Problem(model, "half_squared_error", (one, one))
    flow = GradientFlow()
    solution = solve(flow, problem, t1=3.0, rtol=1e-12)
    exact = 1 / (1 + (1 / start**2 - 1) * jnp.exp(-6.0))
    found = solution.model(one[0])[0]
    report = check(solution, known_laws(problem, flow), ladder=False)
    error = abs(float(found - exact))
    verdicts = [str(law.verdict) for law in report.values()]
    return {
        "error": error,
        "verdicts": verdicts,
        "passed": error < 1e-10 and verdicts == ["conserved"],
        "wall_s": time.perf_counter() - began,
    }
