"""What the tests of projection share."""

import diffrax
import equinox as eqx
import jax
import jax.numpy as jnp
import jax.tree_util as jtu
import numpy as np

import gfflow as gf

FLOW = gf.GradientFlow()


TIMES = np.linspace(0.0, 2.0, 9)


def network(widths, activation="relu", samples=12, bias=True, **options):
    """A network on random data; biases are not zero."""
    keys = jax.random.split(jax.random.key(0), 4)
    if activation == "linear":
        model = gf.models.DeepLinear(widths, key=keys[0], bias=bias)
    else:
        model = gf.models.MLP(widths, key=keys[0], activation=activation, bias=bias)
    if bias:
        model = eqx.tree_at(
            lambda m: [layer.bias for layer in m.layers],
            model,
            [
                0.3 * jax.random.normal(jax.random.fold_in(keys[3], i), b.bias.shape)
                for i, b in enumerate(model.layers)
            ],
        )
    x = jax.random.normal(keys[1], (samples, widths[0]))
    y = jnp.sin(x @ jax.random.normal(keys[2], (widths[0], widths[-1])))
    return gf.Problem(model, "mse", (x, y), **options)


def run(field, solver, t0, t1, dt0, y0, args=None, rtol=None, **options):
    """A constant step without `rtol`."""
    if rtol is not None:
        controller = diffrax.PIDController(rtol=rtol, atol=rtol / 10)
        options["stepsize_controller"] = controller
    term = diffrax.ODETerm(field)
    return diffrax.diffeqsolve(term, solver, t0, t1, dt0, y0, args, **options)


@eqx.filter_jit
def integrate(problem, solver, flow=FLOW, *, t1=2.0, saveat=None):
    """At rtol 1e-3; the states at `TIMES` and the end of each step by default."""
    if saveat is None:
        saveat = diffrax.SaveAt(ts=jnp.asarray(TIMES), steps=True, solver_state=True)
    options = dict(saveat=saveat)
    start, field = problem.parameters, flow.vector_field
    options |= dict(rtol=1e-3, max_steps=512)
    return run(field, solver, 0.0, t1, 0.01, start, problem, **options)


def drift(law, problem, states, ts, rate=0.0):
    """The largest departure from e^{−rate·t} h(0) as a fraction of the law's scale."""
    values, start, scale = map(np.asarray, _along(law, problem, states))
    taken = np.isfinite(ts)
    goal = np.exp(-rate * np.asarray(ts)[taken])[:, None] * start[None]
    assert taken.sum() > 4
    return float(np.max(np.abs(values[taken] - goal) / scale))


@eqx.filter_jit
def _along(law, problem, states):
    """A law's values at the states and at the start, and its scale there."""
    value = lambda y: law(0.0, problem.model_at(y))
    size = problem.model_at(jtu.tree_map(jnp.abs, problem.parameters))
    scale = law.absolute_value(0.0, size)
    return jax.vmap(value)(states), value(problem.parameters), scale
