"""From a validated config to a problem, a flow, laws and an integration."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

from ..._errors import ConfigError, GFFlowError
from ..._registry import lookup
from ...flows import AbstractFlow
from ...integrate import (
    Core,
    Integration,
    configured_solver,
    fitted_solver,
    keep_every,
    linear_times,
    log_times,
    make_grid,
    make_settings,
    named_laws,
)
from ...laws import Law, known_laws, symbolic
from ...problem import Problem, trainable_filter
from ...solvers import Projected
from ..config._sections import Config
from ..config._targets import call_target, load_target
from ._build_flow import build_flow

Where = Callable[[str], str]


class Experiment(NamedTuple):
    """**Attributes:**

    - `config`: what was asked for.
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
    problem = _problem(config, where)
    with at(where, "flow"):
        flow = build_flow(config.flow)
        flow.initial_state(problem)
    laws, must_hold = _laws(config, problem, flow, where)
    solver = config.solver
    with at(where, "solver"):
        settings = make_settings(
            problem,
            flow.initial_state(problem),
            solver.rtol,
            solver.atol,
            solver.max_steps,
            solver.stop.gradient_norm,
            solver.stop.loss,
        )
        method = configured_solver(solver.name, solver.stages, solver.exact_invariants)
        if solver.project:
            method = Projected(method, laws)
        method = fitted_solver(method, flow, settings.rtol)
    with at(where, "save"):
        grid = make_grid(solver.t0, solver.t1, _times(config), problem.dtype)
        every = keep_every(config.save.parameters_every, len(grid), problem)
    core = Core(
        flow, problem, method, diffrax.RecursiveCheckpointAdjoint(), named_laws(laws)
    )
    dt0 = None if solver.dt0 is None else jnp.asarray(solver.dt0, problem.dtype)
    return Experiment(
        config, Integration(core, grid, settings, dt0), every, frozenset(must_hold)
    )


@contextmanager
def at(where: Where, key: str) -> Iterator[None]:
    """Errors inside are about this key of the config.

    **Raises:** `ConfigError` for any other of gfflow's errors.
    """
    try:
        yield
    except ConfigError:
        raise
    except GFFlowError as error:
        raise ConfigError([f"{where(key)}: {error}"]) from error


def _problem(config: Config, where: Where) -> Problem:
    section = config.problem
    loss = section.loss
    if ":" in loss:
        with at(where, "problem.loss"):
            loss = load_target(section.loss)
    with at(where, _key("problem.data", section.data)):
        x, y, *weights = _data(config)
    with at(where, _key("problem.model", section.model)):
        model = _model(config)
    if section.trainable is not None:
        with at(where, "problem.trainable"):
            trainable_filter(model, section.trainable)
    with at(where, "problem"):
        return Problem(
            model,
            loss,
            (x, y),
            weights=weights[0] if weights else None,
            trainable=section.trainable,
            chunk=section.chunk,
            time_scale=section.time_scale,
        )


def _key(section: str, content: Any) -> str:
    """The key that names the user's own file or function, or else the section."""
    for key in ("target", "path"):
        if hasattr(content, key):
            return f"{section}.{key}"
    return section


def _data(config: Config) -> tuple[Any, ...]:
    section = config.problem.data
    options = section.model_dump(exclude={"kind"})
    if section.kind == "target":
        data = call_target(section.target, section.arguments)
        if not isinstance(data, tuple | list) or len(data) not in (2, 3):
            raise GFFlowError(
                f"{section.target} must return (inputs, targets) or (inputs, targets, "
                f"weights); it returned {type(data).__name__}"
            )
        return tuple(data)
    if "targets" in options and options["targets"] is None:
        options["targets"] = _fitting_targets(section.kind, config.problem.loss)
    return lookup("data", section.kind)(
        *([options.pop("path")] if "path" in options else []), **options
    )


def _fitting_targets(kind: str, loss: str) -> str:
    if kind == "diabetes":
        return "values"
    return "labels" if loss in ("softmax_cross_entropy", "logistic") else "one_hot"


def _model(config: Config) -> Any:
    section = config.problem.model
    key = jax.random.key(config.run.seed)
    if section.kind == "target":
        model = call_target(section.target, section.arguments, key=key)
        if not callable(model):
            raise GFFlowError(
                f"{section.target} must return a model, called on one sample; it "
                f"returned {type(model).__name__}"
            )
    else:
        options = section.model_dump(exclude={"kind"})
        model = lookup("models", section.kind)(**options, key=key)
    dtype = jnp.dtype(config.run.precision)
    cast = lambda x: x.astype(dtype) if eqx.is_inexact_array(x) else x
    return jtu.tree_map(cast, model)


def _laws(config, problem, flow, where) -> tuple[list[Law], list[str]]:
    section = config.laws
    laws, must_hold = [], []

    def add(law: Law, key: str, must: bool) -> None:
        if any(law.name == other.name for other in laws):
            return
        with at(where, key):
            view = lambda state: flow.view(state, problem)
            state = flow.initial_state(problem)
            t = jnp.asarray(config.solver.t0, problem.dtype)
            eqx.filter_eval_shape(lambda s: law(t, view(s)), state)
        laws.append(law)
        if must:
            must_hold.append(law.name)

    for family in section.families:
        if family == "known":
            found = known_laws(problem, flow)
        else:
            with at(where, "laws.families"):
                found = lookup("laws", family)(problem, flow, assume=True)
            if not found:
                raise ConfigError(
                    [
                        f"{where('laws.families')}: {family!r} finds no layers in this "
                        "model; it reads chains of linear layers all of which train"
                    ]
                )
        for law in found:
            add(law, "laws.families", section.must_hold)
    for index, custom in enumerate(section.custom):
        must = section.must_hold if custom.must_hold is None else custom.must_hold
        key = f"laws.custom.{index}"
        if custom.expression is not None:
            with at(where, f"{key}.expression"):
                law = symbolic(
                    custom.expression,
                    custom.name,
                    names=section.names,
                    degree=custom.degree,
                )
            add(law, f"{key}.expression", must)
        else:
            with at(where, f"{key}.function"):
                function = load_target(custom.function)
                degree = custom.degree or "other"
                law = Law(function, custom.name, degree=degree)
            add(law, f"{key}.function", must)
    return laws, must_hold


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
