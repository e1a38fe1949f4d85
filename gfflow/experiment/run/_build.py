"""From a validated config to a problem, a flow, laws and an integration."""

from typing import NamedTuple

import jax
import numpy as np

from ..._errors import ConfigError, GFFlowError
from ...flows import AbstractFlow
from ...integrate import Integration, check_finish, linear_times, log_times, prepare
from ...laws import KnownLaws, Law
from ...problem import Problem
from ..config import Config
from ._build_flow import build_flow, check_flow
from ._build_laws import build_laws
from ._build_problem import build_problem
from ._build_solver import build_solver
from ._parts import completed
from ._where import Where


class Experiment(NamedTuple):
    """**Attributes:**

    - `config`: what was asked for, every default included.
    - `integration`: what is to be run.
    - `must_hold`: the names of laws whose breaking is a failure.
    - `known`: the laws that were read off the model, with their note.
    """

    config: Config
    integration: Integration
    must_hold: frozenset[str]
    known: KnownLaws

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
    laws, must_hold, known = build_laws(config.laws, problem, flow, solver.t0, where)
    method = build_solver(solver, laws, where)
    try:
        integration = prepare(
            flow,
            problem,
            t0=solver.t0,
            t1=solver.t1,
            rtol=solver.rtol,
            atol=solver.atol,
            saveat=_times(config),
            solver=method,
            laws=laws,
            law_rates=run.law_rates,
            parameters_every=config.save.parameters_every,
            dt0=solver.dt0,
            max_steps=solver.max_steps,
            stop_gradient_norm=solver.stop.gradient_norm,
            stop_loss=solver.stop.loss,
        )
        check_finish(flow, solver.finish)
    except GFFlowError as error:
        place = where(_key_of(config, error.argument))
        raise ConfigError([f"{place}: {error}"]) from error
    return Experiment(config, integration, must_hold, known)


def _key_of(config: Config, argument: str | None) -> str:
    """The key of an argument of `prepare`."""
    saved = config.save.key_of(argument)
    if saved is not None:
        return f"save.{saved}"
    return f"solver.{config.solver.key_of(argument) or 'name'}"


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
