"""Other models, flows and losses by the hostile reviewer: see `hostile_cases`."""

import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

from .hostile_cases import (
    DRAWN,
    FALSE,
    FLOW,
    FOLLOWS,
    GROUPS,
    HERE,
    LABELS,
    OPEN,
    SAMPLES,
    TRUE,
    U0,
    V0,
    Claim,
    Group,
    Loss,
    T,
    X,
    Y,
    run,
    squares,
    two_layers,
    units,
)
from .truth_models import normal

NEAR = 1 + 1e-9
relu = jax.nn.relu
READOUT, HIDDEN = normal(201, 2, 4), normal(202, 4, 3)
upper = lambda a: a[jnp.triu_indices(2)]


def group(name, solution, claims, **options):
    GROUPS[name] = Group(solution, claims, **options)


# --- attention; B: query and key, value and output are linear pairs -------------------

SEQUENCES = normal(203, SAMPLES, 5, 3)
names = ("query", "key", "value", "output", "query_bias", "key_bias", "value_bias")
shapes = ((2, 3),) * 4 + ((2,),) * 3
HEAD = {n: normal(210 + i, *s) for i, (n, s) in enumerate(zip(names, shapes))}
gram = lambda a, b: a @ a.T + b[:, None] * b[None]


def attention(p, x):
    q = x @ p["query"].T + p["query_bias"][None]
    k = x @ p["key"].T + p["key_bias"][None]
    weights = jax.nn.softmax(TEMPERATURE * (q @ k.T), axis=-1)
    return weights @ (x @ p["value"].T + p["value_bias"][None]) @ p["output"]


TEMPERATURE = 30.0
attention_laws = {
    "query and key": Claim(
        lambda m: upper(
            gram(m.p["query"], m.p["query_bias"]) - m.p["key"] @ m.p["key"].T
        ),
        TRUE,
    ),
    "value and output": Claim(
        lambda m: upper(
            gram(m.p["value"], m.p["value_bias"]) - m.p["output"] @ m.p["output"].T
        ),
        TRUE,
    ),
    # Softmax takes out of each row what all its entries have.
    "key bias": Claim(lambda m: m.p["key_bias"], TRUE, "constant of the flow"),
    "nearly query and key": Claim(
        lambda m: (
            squares(m.p["query"])
            + squares(m.p["query_bias"])
            - NEAR * squares(m.p["key"])
        ),
        FALSE,
        "its rate along the run",
    ),
}
sequences = (SEQUENCES, jnp.tanh(SEQUENCES[:, ::-1]))
group(
    "saturated attention",
    run(attention, sequences, solve={"t1": 0.03}, **HEAD),
    attention_laws,
)
group(
    "attention of tiny rate",
    run(
        attention,
        sequences,
        time_scale=1e-170,
        **HEAD,
        solve={"t1": 3e168},
    ),
    attention_laws
    | {
        "key bias": Claim(lambda m: m.p["key_bias"], TRUE | OPEN),
    },
)


# --- normalisation; B: scale invariance keeps the norm, shift invariance the mean -----


def normalised(z):
    centred = z - jnp.mean(z)
    return centred / jnp.sqrt(jnp.mean(centred**2))


def root_mean_square(z):
    return z / jnp.sqrt(jnp.mean(z**2))


norm = Claim(lambda m: squares(m.p["w"]), TRUE)
mean = Claim(lambda m: jnp.sum(m.p["w"], axis=0), TRUE)
group(
    "normalisation near zero",  # units that differ by 1e-9 of what they have in common
    run(
        lambda p, x: p["a"] @ normalised(p["w"] @ x),
        a=READOUT,
        w=1e-9 * HIDDEN + normal(204, 1, 3),
        solve={"t1": 1e-19},
    ),
    {"norm": norm, "mean": mean},
)
group(
    "normalisation between layers",
    run(
        lambda p, x: p["a"] @ relu(p["g"] * normalised(p["w"] @ x) + p["b"]),
        **{"a": READOUT, "w": HIDDEN, "g": normal(205, 4), "b": normal(206, 4)},
    ),
    {
        "norm": norm,
        "mean": mean,
        "affine": Claim(  # (γ, β)_i and A[:, i] are a homogeneous pair
            lambda m: m.p["g"] ** 2 + m.p["b"] ** 2 - squares(m.p["a"], 0), TRUE
        ),
        "nearly": Claim(
            lambda m: NEAR * m.p["g"] ** 2 + m.p["b"] ** 2 - squares(m.p["a"], 0), FALSE
        ),
    },
)
group(
    "tiny root mean square",
    run(
        lambda p, x: p["a"] @ (root_mean_square(p["w"] @ x) * p["g"]),
        **{"a": READOUT, "w": 1e-8 * HIDDEN, "g": normal(205, 4)},
        solve={"t1": 1e-17},
    ),
    {
        "norm": norm,
        "gain": Claim(lambda m: m.p["g"] ** 2 - squares(m.p["a"], 0), TRUE),
    },
)
group(
    "regularised by 1e-30",  # C. d‖w‖²/dt is of the order of 1e-30 and not 0
    run(
        lambda p, x: p["a"] @ ((z := p["w"] @ x) / jnp.sqrt(squares(z) + 1e-30)),
        **{"a": READOUT, "w": HIDDEN},
    ),
    {"norm": Claim(norm.fn, HERE | OPEN, fools=DRAWN)},
)

# --- products; B: w_i² − w_j² of a chain, whatever the sizes --------------------------

chain = lambda p, x: jnp.prod(p["w"]) * (p["c"] @ x)
group(
    "a deep product of sizes 1e±8",
    run(
        chain,
        **{"w": jnp.array([1e8, -1.2e-8, 0.7, 1.1e4, 0.9e-4]), "c": normal(207, 2, 3)},
        solve={"t1": 1e-17},
    ),
    {
        "neighbours": Claim(lambda m: jnp.diff(m.p["w"] ** 2), TRUE),
        "last": Claim(lambda m: m.p["w"][4] ** 2 - squares(m.p["c"]), TRUE),
        "product": Claim(lambda m: m.p["w"][0] * m.p["w"][1], FALSE),
    },
)
group(
    "gain by an exponential",  # a e^b: aȧ = ḃ, both −a e^b ∂L
    run(
        lambda p, x: p["a"] * jnp.exp(p["b"]) * (p["c"] @ x),
        **{"a": normal(208, 2), "b": normal(209, 2), "c": normal(207, 2, 3)},
        solve={"t1": 0.1},
    ),
    {
        "gain": Claim(lambda m: m.p["a"] ** 2 / 2 - m.p["b"], TRUE),
        "nearly": Claim(lambda m: m.p["a"] ** 2 / 2 - NEAR * m.p["b"], FALSE),
    },
)
group(
    "large terms that cancel",  # f depends on a − b: ȧ = −ḃ
    run(
        lambda p, x: (p["a"] - p["b"]) * (p["c"] @ x),
        **{"a": 1e8 + normal(208, 2), "b": 1e8 + normal(209, 2)},
        c=normal(207, 2, 3),
        solve={"t1": 0.1},
    ),
    {
        "sum": Claim(lambda m: m.p["a"] + m.p["b"], TRUE),
        "balance": Claim(
            lambda m: (m.p["a"] - m.p["b"]) ** 2 / 2 - squares(m.p["c"], 1), TRUE
        ),
        "nearly": Claim(lambda m: m.p["a"] + NEAR * m.p["b"], FALSE),
    },
)

# --- softmax; B: a function of softmax(Wx + b) keeps the column sums ------------------

group(
    "cross-entropy with a constant",
    run(
        lambda p, x: p["w"] @ x + p["b"],
        (X(), LABELS),
        Loss(lambda z, y: -jnp.log(jax.nn.softmax(z)[y] + 1e-12)),
        **{"w": 8 * normal(221, 3, 3), "b": normal(222, 3)},
    ),
    {
        "columns": Claim(lambda m: jnp.sum(m.p["w"], axis=0), TRUE),
        "nearly": Claim(lambda m: m.p["b"] @ jnp.array([1.0, 1.0, NEAR]), FALSE),
    },
)

# --- gates, convolutions, powers ------------------------------------------------------

group(
    "convolution",
    run(
        lambda p, x: (
            jnp.sum(relu(jax.vmap(lambda k: jnp.convolve(x, k, "valid"))(p["k"])), 1)
            @ p["o"]
        ),
        (X(8), Y),
        **{"k": normal(223, 3, 3), "o": normal(224, 3, 2)},
        solve={"t1": 0.1},
    ),
    {
        "kernels": Claim(lambda m: squares(m.p["k"], 1) - squares(m.p["o"], 1), TRUE),
        "a switch in one channel": Claim(  # it drifts by 3e-4 at a tolerance of 1e-8
            lambda t, m: (
                squares(m.p["k"], 1)
                - squares(m.p["o"], 1)
                + jax.nn.sigmoid((t - 0.047) / 1e-5) * jnp.array([0.0, 0.0, 1e-3])
            ),
            FALSE | OPEN,
            fools="a drift is unexpected only at 1000 times the tolerance a step",
        ),
    },
)
group(
    "cubes of rectified units",
    run(
        lambda p, x: p["u"] @ relu(p["v"] @ x) ** 3,
        **{"u": READOUT, "v": HIDDEN},
        solve={"t1": 0.01},
    ),
    {
        "units": Claim(lambda m: 3 * squares(m.p["u"], 0) - squares(m.p["v"], 1), TRUE),
        "nearly": Claim(
            lambda m: 3 * NEAR * squares(m.p["u"], 0) - squares(m.p["v"], 1), FALSE
        ),
    },
)

# --- models that change far away; C: u² − v² is lost there ----------------------------

far = {"u": normal(225, 1, 3), "v": normal(226, 3, 2)}
one = (X(2), Y[:, :1])
group(
    "a clip at a million",
    run(lambda p, x: p["u"] @ jnp.clip(p["v"] @ x, -1e6, 1e6), one, **far),
    {"T": Claim(T, HERE, "random", DRAWN)},
)
group(
    "a kink at fifty",
    run(
        lambda p, x: p["u"] @ jnp.where((z := p["v"] @ x) > -50, z, 0.1 * z - 45),
        **{"data": one, **far},
    ),
    {"T": Claim(T, HERE, "random")},
)
group(
    "a part for large inputs",  # p moves where |x| > 1000
    run(
        lambda p, x: p["u"] @ relu(p["v"] @ x) + p["p"] @ x * relu(jnp.abs(x[0]) - 1e3),
        **{"data": one, **far, "p": normal(227, 1, 2)},
    ),
    {
        "p": Claim(lambda m: m.p["p"], HERE | OPEN, fools=DRAWN),
        "T": Claim(T, TRUE),
    },
)

# --- other flows ----------------------------------------------------------------------

group(
    "weight decay from t = 20 on",  # then h' = −2λh
    run(
        lambda p, x: p["u"] @ relu(p["v"] @ x),
        one,
        flow=gf.flows.WeightDecay(FLOW, lambda t: 0.1 * relu(t - 20.0)),
        **far,
    ),
    {"T": Claim(T, HERE, "t = ")},
)
decaying = gf.GradientFlow(weight_decay=1e-3)
lost = lambda m: -2e-3 * T(m)
group(
    "what decay produces",
    run(two_layers, flow=decaying, u=U0, v=V0),
    {
        "stated": Claim(units, FOLLOWS, options={"decay_rate": 2e-3}),
        "nearly": Claim(units, FALSE, options={"decay_rate": 2e-3 * NEAR}),
        "produced": Claim(T, FOLLOWS, options={"production": lost}),
        "produced, and more once": Claim(  # A, by the ladder
            T,
            FALSE,
            options={
                "production": lambda t, m: (
                    lost(m) + 1e-2 * jnp.exp(-(((t - 0.163) / 1e-3) ** 2))
                )
            },
        ),
        "produced, and more later": Claim(
            T,
            HERE,
            options={
                "production": lambda t, m: lost(m) + relu(t - 20.0) * jnp.sum(m.p["u"])
            },
        ),
    },
    ladder=True,
)
positive = {"a": abs(normal(228, 3)) + 0.1, "b": abs(normal(229, 3)) + 0.1}
group(
    "mirror flow",  # θ' = −θ∂L: both a and b change by −ab times the same
    run(
        lambda p, x: (p["a"] * p["b"]) @ x,
        (X(), Y[:, 0]),
        flow=gf.MirrorFlow("entropy"),
        **positive,
    ),
    {
        "difference": Claim(lambda m: m.p["a"] - m.p["b"], TRUE),
        "nearly": Claim(lambda m: m.p["a"] - NEAR * m.p["b"], FALSE),
    },
)
group(
    "flow of signs",  # |a|' = −sign(a b ∂L) = |b|'
    run(
        lambda p, x: p["a"] * p["b"] * x[0],
        (X(), 3 + 0 * Y[:, 0]),
        flow=gf.PreconditionedFlow(gf.flows.Sign()),
        **{"a": np.array(0.7), "b": np.array(-0.9)},
        solve={"t1": 0.1},
    ),
    {
        "sizes": Claim(lambda m: jnp.abs(m.p["a"]) - jnp.abs(m.p["b"]), TRUE),
        "squares": Claim(lambda m: m.p["a"] ** 2 - m.p["b"] ** 2, FALSE),
    },
)
group(
    "single precision",
    run(two_layers, u=U0, v=V0, single=True, solve={"rtol": 1e-4}),
    {
        "T": Claim(units, TRUE),
        "nearly": Claim(
            lambda m: squares(m.p["u"]) - NEAR * squares(m.p["v"]), FALSE, "rate"
        ),
        "1e-290 T": Claim(lambda m: 1e-290 * T(m), TRUE),
        "1e-290 of a sum": Claim(lambda m: 1e-290 * jnp.sum(m.p["u"]), FALSE, "rate"),
    },
)
