"""Models written by hand, laws of each that are true or false by ε, and the verdicts.

Every subject is one set of compiled programs: ε, the parameters and the data are
arrays.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import gfflow as gf

SAMPLES = 16
EPSILONS = tuple(10.0**-i for i in range(15))
T1 = 0.5
# A violation is linear in ε from here on.
PROBE = 1e-3
BROKEN, UNTOLD, REGION, TRUE = VERDICTS = (
    *("broken", "inconclusive", "conserved-on-this-data", "conserved"),
)
ALONG = ("coefficient", "bias left out", "activation", "normalisation ε")
ALONG = (*ALONG, "loss", "decay")
BEYOND = ("part of space", "part of time")


class Net(eqx.Module):
    """Named arrays, a function of them and x, and an ε that no gradient moves."""

    arrays: dict[str, jax.Array]
    eps: jax.Array
    function: Callable[..., jax.Array] = eqx.field(static=True)

    def __call__(self, x: jax.Array) -> jax.Array:
        return self.function(x, self.eps, **self.arrays)


class Loss(eqx.Module):
    """ℓ + ε|z|²."""

    inner: str = eqx.field(static=True)
    eps: jax.Array

    def __call__(self, z: jax.Array, y: jax.Array) -> jax.Array:
        return getattr(gf.losses, self.inner)(z, y) + self.eps * jnp.sum(z**2)


class Value(eqx.Module):
    """T + εF of the arrays and the time, for each of E numbers ε, one after another."""

    true: Callable[..., jax.Array] = eqx.field(static=True)
    other: Callable[..., jax.Array] = eqx.field(static=True)
    eps: tuple[float, ...] = eqx.field(static=True)

    def __call__(self, t: Any, model: Net) -> jax.Array:
        law = self.true(**model.arrays)
        other = self.other(t, law, model.arrays)
        eps = jnp.asarray(self.eps, law.dtype)
        return law[None] + jnp.tensordot(eps, other, 0)


class Subject(NamedTuple):
    """A kind of model with one law T.

    - `shapes`: of its arrays; `inputs`, `outputs`: of one sample.
    - `function`: of (x, ε, arrays); with ε ≠ 0 the law is false by about ε.
    - `broken_by`: what that ε is.
    - `law`: T, of the arrays; `term`: a term of it, to scale, or a bias to leave out.
    - `loss`, and whether T is a law of this loss alone.
    """

    shapes: dict[str, tuple[int, ...]]
    inputs: tuple[int, ...]
    outputs: int
    function: Callable[..., jax.Array]
    broken_by: str
    law: Callable[..., jax.Array]
    term: Callable[..., jax.Array]
    left_out: bool = False
    loss: str = "mse"
    of_this_loss: bool = False


def _relu(x, eps, A, b, B):
    z = A @ x + b
    return B @ (jax.nn.relu(z) + eps * jnp.tanh(z))


def _deep(x, eps, A, B, C):
    leaky = lambda z: jax.nn.leaky_relu(z, 0.2) + eps * jnp.tanh(z)
    return C @ leaky(B @ leaky(A @ x))


def _normalised(x, eps, W, R):
    z = W @ x
    z = z - jnp.mean(z)
    return R @ (z / jnp.sqrt(jnp.mean(z**2) + eps))


def _rms(x, eps, W, R):
    z = W @ x
    return R @ (z / jnp.sqrt(jnp.mean(z**2) + eps))


def _attention(x, eps, q, k, v, p, c):
    scores = jnp.outer(x @ q + p, x @ k + c)
    scores = scores + eps * jnp.tanh(x @ k)[None]
    return (jax.nn.softmax(scores, axis=-1) @ (x @ v))[:2]


def _convolution(x, eps, K, R):
    z = jnp.convolve(x, K, mode="valid")
    return R @ (jax.nn.relu(z) + eps * jnp.tanh(z))


def _swiglu(x, eps, A, B, C):
    return A @ (jax.nn.silu(B @ x) * (C @ x + eps * jnp.tanh(C @ x)))


def _logits(x, eps, W, b):
    z = W @ x + b
    return z + eps * z**2


def _squares(x, eps, A, B):
    z = A @ x
    return B @ (z**2 + eps * jnp.tanh(z))


def _factors(x, eps, U, V):
    return U @ (V @ x) + eps * jnp.sin(U @ x[: U.shape[1]])


def _pooled(x, eps, K, R):
    z = jnp.convolve(x, K, mode="valid")
    z = jnp.max(z.reshape(-1, 2), axis=1)
    return R @ (z + eps * jnp.tanh(z))


def square(a):
    return jnp.sum(a**2)


SUBJECTS = {
    "ReLU with biases": Subject(
        {"A": (3, 3), "b": (3,), "B": (2, 3)},
        (3,),
        2,
        _relu,
        "activation",
        lambda A, b, B: square(B[:, 0]) - square(A[0]) - b[0] ** 2,
        lambda A, b, B: b[0] ** 2,
        left_out=True,
    ),
    "leaky ReLU, three layers": Subject(
        {"A": (3, 3), "B": (3, 3), "C": (2, 3)},
        (3,),
        2,
        _deep,
        "activation",
        lambda A, B, C: jnp.sum(B**2, 0) - jnp.sum(A**2, 1),
        lambda A, B, C: jnp.sum(A**2, 1),
    ),
    "LayerNorm": Subject(
        {"W": (5, 3), "R": (2, 5)},
        (3,),
        2,
        _normalised,
        "normalisation ε",
        lambda W, R: square(W),
        lambda W, R: square(W[0]),
    ),
    "RMSNorm": Subject(
        {"W": (4, 3), "R": (2, 4)},
        (3,),
        2,
        _rms,
        "normalisation ε",
        lambda W, R: square(W),
        lambda W, R: square(W[0]),
    ),
    "attention with biases": Subject(
        {"q": (3,), "k": (3,), "v": (3,), "p": (), "c": ()},
        (4, 3),
        2,
        _attention,
        "activation",
        lambda q, k, v, p, c: square(q) + p**2 - square(k),
        lambda q, k, v, p, c: p**2,
        left_out=True,
    ),
    "convolution": Subject(
        {"K": (3,), "R": (2, 5)},
        (7,),
        2,
        _convolution,
        "activation",
        lambda K, R: square(R) - square(K),
        lambda K, R: square(K),
    ),
    "SwiGLU": Subject(
        {"A": (2, 4), "B": (4, 3), "C": (4, 3)},
        (3,),
        2,
        _swiglu,
        "activation",
        lambda A, B, C: jnp.sum(A**2, 0) - jnp.sum(C**2, 1),
        lambda A, B, C: jnp.sum(C**2, 1),
    ),
    "squares": Subject(
        {"A": (3, 3), "B": (2, 3)},
        (3,),
        2,
        _squares,
        "activation",
        lambda A, B: jnp.sum(A**2, 1) - 2 * jnp.sum(B**2, 0),
        lambda A, B: jnp.sum(B**2, 0),
    ),
    "factors": Subject(
        {"U": (3, 2), "V": (2, 3)},
        (3,),
        3,
        _factors,
        "activation",
        lambda U, V: U.T @ U - V @ V.T,
        lambda U, V: U.T @ U,
    ),
    "convolution with pooling": Subject(
        {"K": (3,), "R": (2, 3)},
        (8,),
        2,
        _pooled,
        "activation",
        lambda K, R: square(R) - square(K),
        lambda K, R: square(K),
    ),
    "softmax regression": Subject(
        {"W": (3, 3), "b": (3,)},
        (3,),
        3,
        _logits,
        "activation",
        lambda W, b: jnp.sum(W, 0),
        lambda W, b: W[0],
        loss="softmax_cross_entropy",
        of_this_loss=True,
    ),
}


def problem_of(
    subject: Subject, seed: int, dtype: str, *, model: float, loss: float
) -> gf.Problem:
    """Random parameters and data; a model and a loss that break the law by these."""
    random = np.random.default_rng(seed)
    draw = lambda *shape: jnp.asarray(random.standard_normal(shape), dtype)
    arrays = {name: draw(*shape) for name, shape in subject.shapes.items()}
    net = Net(arrays, jnp.asarray(model, dtype), subject.function)
    targets = draw(SAMPLES, subject.outputs)
    if subject.loss != "mse":
        targets = jnp.asarray(random.integers(0, subject.outputs, SAMPLES))
    data = draw(SAMPLES, *subject.inputs), targets
    of_outputs = Loss(subject.loss, jnp.asarray(loss, dtype))
    weights = np.ones(SAMPLES, dtype)
    trainable = lambda net: net.arrays
    return gf.Problem(net, of_outputs, data, weights=weights, trainable=trainable)


class Case(NamedTuple):
    """One verdict: of what kind of law, false by which ε, and by what of its terms."""

    subject: str
    dtype: str
    seed: int
    kind: str
    eps: float
    violation: float
    resolution: float
    verdict: str

    @property
    def told(self) -> bool:
        """Whether it is false by a hundred times the resolution that was printed."""
        return self.violation >= 100 * self.resolution

    @property
    def wrong(self) -> bool:
        """Whether the verdict says what is not so, or too little of a true law."""
        if self.kind == "true":
            return self.verdict != TRUE
        if self.kind in BEYOND:
            return self.verdict == BROKEN or (self.told and self.verdict == TRUE)
        return self.told and self.verdict in (TRUE, REGION)


def laws_of(subject: Subject) -> list[gf.Law]:
    """T, and T false by each ε in a coefficient, in a part of space, and of time."""
    total = lambda arrays: sum(jnp.sum(a**2) for a in arrays.values())
    size = lambda arrays: total(arrays) / sum(a.size for a in arrays.values())
    term = lambda t, law, arrays: subject.term(**arrays)
    part = lambda x: jnp.tanh(jax.nn.relu(x) ** 2)
    far = lambda t, law, arrays: part(size(arrays) - 9) * subject.term(**arrays)
    late = lambda t, law, arrays: part(t - 2 * T1) * subject.term(**arrays)
    along = "bias left out" if subject.left_out else "coefficient"
    kinds = {along: term, "part of space": far, "part of time": late}
    laws = [
        gf.Law(Value(subject.law, other, EPSILONS), kind)
        for kind, other in kinds.items()
    ]
    return [gf.Law(Value(subject.law, term, (0.0,)), "true"), *laws]


LAWS = {name: laws_of(subject) for name, subject in SUBJECTS.items()}


def weighed(name: str, seed: int, dtype: str, *, model=0.0, loss=0.0, decay=0.0):
    """A report on the laws, of a model, a loss and a flow that break them by these."""
    problem = problem_of(SUBJECTS[name], seed, dtype, model=model, loss=loss)
    flow = gf.GradientFlow(weight_decay=jnp.asarray(decay, dtype))
    rtol = 1e-8 if dtype == "float64" else 1e-5
    solution = gf.solve(
        flow, problem, t1=T1, rtol=rtol, solver="tsit5", parameters_every=7
    )
    return gf.check(solution, LAWS[name], ladder=False, seed=seed)


def true_case(name: str, seed: int, dtype: str) -> Case:
    """The true law of one start and data set; no program that `cases_of` has not."""
    law = weighed(name, seed, dtype)["true"]
    return Case(name, dtype, seed, "true", 0.0, 0.0, law.resolution, str(law.verdict))


def cases_of(
    name: str, seed: int, dtype: str, epsilons: Sequence[float] = EPSILONS
) -> Iterator[Case]:
    """All of one subject, start and data set; `epsilons`, with `PROBE` among them, for
    the models, losses and decays, each of which is a run of its own."""
    subject = SUBJECTS[name]
    case = lambda kind, eps, violation, law, verdict: Case(
        name, dtype, seed, kind, eps, violation, law.resolution, str(verdict)
    )
    for law in weighed(name, seed, dtype).values():
        if law.name == "true":
            yield case("true", 0.0, 0.0, law, law.verdict)
            continue
        verdicts = np.reshape(law.verdicts, (len(EPSILONS), -1))
        rates = np.reshape(law.rates, verdicts.shape)[EPSILONS.index(PROBE)]
        slopes = np.where(law.name in BEYOND, law.general_rate, rates / PROBE)
        for eps, row in zip(EPSILONS, verdicts):
            for slope, verdict in zip(slopes, row):
                yield case(law.name, eps, float(slope) * eps, law, verdict)
    arguments = {subject.broken_by: "model", "decay": "decay"}
    if subject.of_this_loss:
        arguments["loss"] = "loss"
    for kind, argument in arguments.items():
        found = {
            eps: weighed(name, seed, dtype, **{argument: eps})["true"]
            for eps in epsilons
        }
        slopes = np.asarray(found[PROBE].rates) / PROBE
        for eps, law in found.items():
            for slope, verdict in zip(slopes, law.verdicts):
                yield case(kind, eps, float(slope) * eps, law, verdict)
