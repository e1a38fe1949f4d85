"""From a validated config to a problem, a flow, laws and an integration."""

from typing import NamedTuple

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

from ..._errors import ConfigError
from ...flows import AbstractFlow
from ...integrate import (
    Core,
    Integration,
    configured_solver,
    keep_every,
    linear_times,
    log_times,
    make_grid,
    make_settings,
    named_laws,
)
from ...laws import Law
from ...problem import Problem
from ...solvers import Projected, adapted
from ..config import Config
from ._build_flow import build_flow, check_flow
from ._build_laws import build_laws
from ._build_problem import build_problem
from ._parts import completed
from ._where import Where, at


class Experiment(NamedTuple):
    """**Attributes:**

    - `config`: what was asked for, every default included.
    - `integration`: the core, times and settings to run.
    - `every`: keep the whole state at every n-th row.
    - `must_hold`: the names of laws whose breaking is a failure.
    """

    config: Config
    integration: Integration
    every: int
    must_hold: frozenset[str]

    @property
    def problem(self) -> Problem:
        return self.integration.core.problem

    @property
    def flow(self) -> AbstractFlow:
        return self.integration.core.flow

    @property
    def laws(self) -> dict[str, Law]:
        return self.integration.core.laws


def set_up_jax(config: Config, where: Where = str) -> None:
    """Precision and device of this process, before any array exists.

    **Raises:** `ConfigError` if there is no such device.
    """
    jax.config.update("jax_enable_x64", config.run.precision == "float64")
    wanted = config.run.device
    if wanted is None:
        return
    try:
        device = jax.devices(wanted)[0]
    except RuntimeError:
        there = ", ".join(sorted({d.platform for d in jax.devices()}))
        raise ConfigError(
            [
                f"{where('run.device')}: JAX finds only: {there}; install JAX for "
                f"{wanted} or leave the key out; got {wanted!r}"
            ]
        ) from None
    jax.config.update("jax_default_device", device)


def build(config: Config, where: Where = str) -> Experiment:
    """Everything that a run needs, validated; nothing is written.

    JAX's precision is as `set_up_jax`, or the user, has set it.

    **Arguments:**

    - `where`: key -> the beginning of a message about it, such as `file:line: key`.

    **Raises:** `ConfigError` for a part that cannot be made or does not fit.
    """
    config = completed(config, where)
    run, solver = config.run, config.solver
    problem = build_problem(config.problem, run.seed, run.precision, where)
    flow = build_flow(config.flow, where)
    check_flow(config.flow, flow, problem, where)
    laws, must_hold = build_laws(config.laws, problem, flow, solver.t0, where)
    with at(where, "solver", solver):
        settings = make_settings(
            problem,
            flow.initial_state(problem),
            solver.rtol,
            solver.atol,
            solver.max_steps,
            solver.stop.gradient_norm,
            solver.stop.loss,
        )
    with at(where, "solver", solver, otherwise="name"):
        method = configured_solver(solver.name, solver.stages, solver.exact_invariants)
    if solver.project:
        with at(where, "solver.project"):
            method = Projected(method, laws)
    with at(where, "solver.name"):
        method = adapted(method).fitted(flow, settings.rtol)
    with at(where, "save.times"):
        grid = make_grid(solver.t0, solver.t1, _times(config), problem.dtype)
    with at(where, "save.parameters_every"):
        every = keep_every(config.save.parameters_every, len(grid), problem)
    core = Core(
        flow, problem, method, diffrax.RecursiveCheckpointAdjoint(), named_laws(laws)
    )
    dt0 = None if solver.dt0 is None else jnp.asarray(solver.dt0, problem.dtype)
    return Experiment(config, Integration(core, grid, settings, dt0), every, must_hold)


def _times(config: Config):
    save, t0, t1 = config.save, config.solver.t0, config.solver.t1
    if isinstance(save.times, list):
        return np.asarray(save.times)
    if save.times == "linear":
        return linear_times(t0, t1, save.count + 1)[1:]
    if save.count == 1:
        return np.asarray([t1])
    first = save.first or 1e-4 * (t1 - t0)
    return np.append(t0 + log_times(first, t1 - t0, save.count)[:-1], t1)
