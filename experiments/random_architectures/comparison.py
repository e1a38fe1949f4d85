"""Laws read off gradients beside a search that knows nothing of them."""

import re
import time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from generator import Architecture, architecture
from jax.flatten_util import ravel_pytree

import gfflow as gf

# A rate over the lengths of the law's gradient and of the field; points where it is
# looked at; independent gradients of unit length.
ROUND_OFF, POINTS, NEW = 1e-10, 5, 1e-8
AGREE, OPEN, DISAGREE = "equal", "true note", "DISAGREE"


class Row(NamedTuple):
    """- `named`: independent laws of `known_laws`, of so many `components`; `rate`: the
        largest of all of these at fresh points, over what it is a product of.
    - `room`: of how many laws the note of `known_laws` says that there is room for.
    - `low`, `high`, `complete`: of `discover`.
    """

    seed: int
    words: str
    kinds: tuple[str, ...]
    parameters: int
    named: int
    components: int
    rate: float
    room: int | None
    known_note: str
    low: int
    high: int | None
    complete: bool
    notes: tuple[str, ...]
    verdict: str
    why: str
    known_seconds: float
    discover_seconds: float


def compared(seed: int) -> Row:
    """Both for the architecture of this seed."""
    one = architecture(seed)
    began = time.process_time()
    laws = gf.known_laws(one.problem, one.flow)
    note, failed = _note(laws)
    middle = time.process_time()
    found = gf.discover(one.problem, one.flow)
    ended = time.process_time()
    rate, named, components = measured(laws, one)
    low, high, complete = found.lower_bound, found.upper_bound, found.complete
    told = re.search(r"leave room for (\d+) independent laws", note)
    room = int(told[1]) if told else None
    row = Row(
        seed,
        one.words,
        one.kinds,
        one.problem.size,
        named,
        components,
        rate,
        room,
        note,
        low,
        high,
        complete,
        found.notes,
        "",
        "",
        middle - began,
        ended - middle,
    )
    why = failed or contradiction(row, found.conclusive)
    equal = complete and named == low == high
    return row._replace(verdict=DISAGREE if why else AGREE if equal else OPEN, why=why)


def _note(laws: gf.laws.KnownLaws) -> tuple[str, str]:
    """The note; and what was raised instead of one."""
    try:
        return laws.note, ""
    except Exception as error:
        return "", f"the note of known_laws raised {type(error).__name__}: {error}"


def contradiction(row: Row, conclusive: bool) -> str:
    """Two statements of which one must be false, in words; empty if there are none."""
    if row.rate > ROUND_OFF:
        return f"a named law is false: its rate is {row.rate:.0e}"
    if conclusive and row.high is not None and row.named > row.high:
        return f"{row.named} laws are named, and there are at most {row.high}"
    allowed = row.named if row.room is None else row.room
    if row.low > allowed:
        said = "no note" if row.room is None else f"a note of room for {row.room}"
        return f"{row.low} laws hold; {row.named} are named, with {said}"
    elsewhere = any("region" in note for note in row.notes)
    if conclusive and row.high is not None and row.high > row.low:
        if row.high > allowed and not elsewhere:
            return f"at most {allowed} by known_laws, {row.high} by discover"
    if not row.complete and not row.notes:
        return "discover does not say why it is not complete"
    return ""


def measured(laws: gf.laws.KnownLaws, one: Architecture) -> tuple[float, int, int]:
    """The largest rate of a law at random parameters on random data, beside what it
    states; the rank of the gradients of those that are constants of the flow, or
    homogeneous under weight decay; and the number of their components."""
    kept = [law for law in laws if law.production is None]
    if not laws:
        return 0.0, 0, 0
    problem, flow = one.problem, one.flow
    random = np.random.default_rng(10_000)
    flat, unravel = ravel_pytree(problem.parameters)

    @jax.jit
    def evaluated(flat, inputs, targets, weights):
        here = problem.with_data(inputs, targets, weights)
        state, t = unravel(flat), jnp.asarray(0.7)
        field = ravel_pytree(flow.vector_field(t, state, here))[0]
        value = lambda x, law: jnp.ravel(law(t, flow.view(unravel(x), here)))
        slopes = [jax.jacfwd(lambda x, law=law: value(x, law))(flat) for law in laws]
        view = flow.view(state, here)
        stated = [law.stated_rate(t, view, law(t, view)) for law in laws]
        return slopes, [jnp.ravel(x) for x in stated], field

    largest, ranks = 0.0, []
    for _ in range(POINTS):
        theta = _scattered(random, problem.parameters)
        found = evaluated(theta, *_data(random, problem))
        slopes, stated, field = jax.device_get(found)
        size = np.linalg.norm(field)
        for slope, said in zip(slopes, stated):
            off = np.abs(slope @ field - said)
            terms = np.linalg.norm(slope, axis=1) * size + np.abs(said)
            largest = max(largest, float(np.max(off / np.maximum(terms, 1e-300))))
        of_kept = [s for law, s in zip(laws, slopes) if law.production is None]
        rows = np.concatenate([*of_kept, np.zeros((0, flat.size))])
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        ranks.append(int(np.linalg.matrix_rank(rows, NEW)) if len(rows) else 0)
    components = sum(int(np.size(law(0.0, problem.model))) for law in kept)
    return largest, max(ranks), components


def _scattered(random: np.random.Generator, parameters: Any) -> jax.Array:
    """Gaussian, each array of its size."""
    draw = lambda x: jnp.sqrt(jnp.mean(x**2)) * random.standard_normal(x.shape)
    return ravel_pytree(jax.tree_util.tree_map(draw, parameters))[0]


def _data(random: np.random.Generator, problem: gf.Problem) -> tuple[Any, Any, Any]:
    """Other real numbers, labels in another order, and weights of both signs."""
    inputs, targets = problem.inputs, problem.targets
    order = random.permutation(len(inputs))
    if jnp.issubdtype(inputs.dtype, jnp.inexact):
        inputs = jnp.asarray(random.standard_normal(inputs.shape))
    if jnp.issubdtype(targets.dtype, jnp.inexact):
        targets = jnp.asarray(random.standard_normal(targets.shape))
    weights = jnp.asarray(random.standard_normal(len(inputs)))
    return inputs, targets[order], weights
