"""solve inside a user's jit, vmap and grad, and how often it compiles."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np
import pytest

import gfflow as gf

from ..analytic import product_problem, product_solution, smooth_problem

FLOW = gf.GradientFlow()
PROBLEM = product_problem()
LAW = gf.symbolic("u**2 - v**2", "c")
OPTIONS = {"laws": [LAW], "stop_gradient_norm": 1e-4, "parameters_every": 5}
COMPILED = "/jax/core/compile/backend_compile_duration"
EVENTS: list[str] = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, duration, **_: EVENTS.append(event)
)


def run(problem, **options):
    options = {"t1": 1.0, "rtol": 1e-8, "solver": "tsit5"} | options
    return gf.solve(FLOW, problem, **options)


@eqx.filter_jit
def jitted(problem, t1, rtol, **options):
    return run(problem, t1=t1, rtol=rtol, **options)


def here_and_inside(rtol, max_steps):
    """One run on the host, the other in a jit, of one program each."""
    limits = jnp.asarray(9.0), jnp.asarray(rtol)
    options = OPTIONS | {"max_steps": jnp.asarray(max_steps)}
    host = run(PROBLEM, t1=9.0, rtol=rtol, **options)
    return host, jitted(PROBLEM, *limits, **options)


def test_inside_jit():
    host, inside = here_and_inside(1e-8, 10_000)
    reached = np.isfinite(inside.ts)
    assert inside.status_name == host.status_name == "stopped_gradient_norm"
    assert reached.sum() == len(host.ts) < len(inside.ts)
    np.testing.assert_allclose(inside.ts[reached][:-1], host.ts[:-1], rtol=1e-13)
    for mine, theirs in [
        (inside.ts, host.ts),
        (inside.losses, host.losses),
        (inside.gradient_norms, host.gradient_norms),
        (inside.laws["c"], host.laws["c"]),
    ]:
        np.testing.assert_allclose(
            mine[reached][:-1], theirs[:-1], rtol=1e-12, atol=1e-15
        )
        np.testing.assert_allclose(mine[reached][-1], theirs[-1], rtol=3e-8)
    assert inside.accepted_steps == host.accepted_steps
    assert inside.cost.gradients == host.cost.gradients
    np.testing.assert_allclose(inside.parameters.u, host.model.u, rtol=1e-13)
    with pytest.raises(AttributeError, match="model_at"):
        inside.model


def test_most_steps_inside_jit():
    host, inside = here_and_inside(1e-12, 7)
    assert inside.status_name == host.status_name == "max_steps_reached"
    assert inside.accepted_steps + inside.rejected_steps == 7
    assert np.nanmax(inside.ts) <= inside.state_ts[-1]


def test_vmap_over_sixteen_seeds():
    problem, times = smooth_problem(), gf.linear_times(0.5, 1.0, 2)

    @jax.jit
    @jax.vmap
    def moved(key):
        shift = lambda p: p + jax.random.normal(key, p.shape, p.dtype)
        return jtu.tree_map(shift, problem.parameters)

    def trained(start):
        end = run(problem.with_parameters(start), saveat=times, parameters_every=0)
        return end.losses, end.parameters, end.status == gf.Status.successful

    starts = moved(jax.random.split(jax.random.key(5), 16))
    *several, successful = jtu.tree_map(np.asarray, jax.jit(jax.vmap(trained))(starts))
    assert np.all(successful)
    starts = jtu.tree_map(np.asarray, starts)
    for i in range(16):
        *single, _ = trained(jtu.tree_map(lambda p: jnp.asarray(p[i]), starts))
        for batch, one in zip(*map(jtu.tree_leaves, (several, single))):
            np.testing.assert_allclose(batch[i], one, rtol=1e-13, atol=1e-13)


def test_one_compilation_for_all_numbers():
    """Times, tolerances, seeds, data, rates and decay are arrays: nothing compiles."""
    traced = []

    def loss(prediction, target):
        traced.append(1)
        return jnp.sum((prediction - target) ** 2)

    def problem(key=0, time_scale=1.0, shift=0.0):
        base = smooth_problem(key)
        data = base.inputs + shift, base.targets - shift
        return gf.Problem(base.model, loss, data, time_scale=time_scale)

    def go(problem, decay=0.0, **options):
        options = {"t1": 1.0, "rtol": 1e-6, "solver": "tsit5"} | options
        return gf.solve(gf.GradientFlow(weight_decay=decay), problem, **options)

    problems = [problem(), problem(3), problem(shift=0.1), problem(time_scale=0.5)]
    go(problems[0])
    before, compiled = len(traced), EVENTS.count(COMPILED)
    assert before > 0 and compiled > 0
    runs = [
        go(problems[0], t1=3.0),
        go(problems[0], rtol=1e-9),
        go(problems[1]),
        go(problems[2]),
        go(problems[3]),
        go(problems[0], decay=0.1),
        go(problems[0], max_steps=77_777, atol=1e-7),
    ]
    assert len(traced) == before
    assert EVENTS.count(COMPILED) == compiled
    assert all(r.status_name == "successful" for r in runs)
    assert len({float(r.losses[-1]) for r in runs}) >= 6
    go(problems[0], laws=[gf.symbolic("sum(W1**2)")])
    assert EVENTS.count(COMPILED) == compiled + 1  # what a row records, and no step


def test_no_host_callback_in_the_traced_program():
    jaxpr, *_ = eqx.filter_make_jaxpr(lambda p: run(p).losses)(product_problem())
    text = str(jaxpr)
    assert "while" in text and "callback" not in text


def test_the_host_is_needed_for_wall_time():
    with pytest.raises(gf.SolveError, match="need the host"):
        eqx.filter_jit(lambda p: run(p, max_wall_time=1.0).losses)(product_problem())


def test_derivative_of_the_final_loss():
    """dL(T)/du₀ against central differences of the closed form."""
    adjoint = diffrax.RecursiveCheckpointAdjoint(checkpoints=32)

    def final(u):
        problem = product_problem()
        model = eqx.tree_at(lambda p: p.u, problem.parameters, u)
        end = run(
            problem.with_parameters(model),
            saveat=jnp.ones(1),
            rtol=1e-11,
            adjoint=adjoint,
            parameters_every=0,
        )
        return end.losses[-1]

    value, slope = jax.jit(jax.value_and_grad(final))(1.3)

    def closed(u0):
        u, v = product_solution(1.0, u=u0)
        return (u * v - 2.0) ** 2 / 2

    np.testing.assert_allclose(value, closed(1.3), rtol=1e-9)
    difference = (closed(1.3 + 1e-5) - closed(1.3 - 1e-5)) / 2e-5
    np.testing.assert_allclose(slope, difference, rtol=1e-6)
