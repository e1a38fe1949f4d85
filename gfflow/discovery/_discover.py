"""discover: the laws of a model under a flow, and a proof that there are no more."""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._errors import DiscoveryError
from ..flows import AbstractFlow, GradientFlow
from ..problem import Problem, second_order
from .black_box import black_box
from .exact import Parametrisation
from .exact_mode import exact_discovery, own_parametrisation, parametrisation_of
from .result import Discovery
from .subject import problem_without_data


def discover(
    problem: Problem | Parametrisation | tuple[Any, ...],
    flow: AbstractFlow | None = None,
    *,
    only: Sequence[str] | None = None,
    degree: int = 2,
    exact: bool | Parametrisation = False,
    on: str = "all",
    seed: int = 0,
) -> Discovery:
    """Find the conservation laws of a model, and how many independent ones there are.

    A function h(θ) is a law if it is constant along the flow for every data set and
    every start: ∇h(θ) ⟂ W_θ = span {∂_θ g(θ, x)ᵀ w}, w in the span over y of
    ∂_z ℓ(z, y). Near a generic θ there are D − dim Lie(W)(θ) independent ones
    (Marcotte, Gribonval & Peyré 2023, Thm 3.3). The rank is that of W on random data,
    and of brackets of its fields until a level adds nothing; the laws are polynomials,
    made exact and tried at random points.

    **Arguments:**

    - `problem`: a `Problem`; of its data only the kinds and sizes are used, and of
        whole numbers the least and the largest: further ones are drawn as far as the
        model and the loss take them, with every index in its array. Or
        `(model, input_shape, loss)`, the loss `"mse"` if it is left out. Or a
        `gfflow.exact.Parametrisation`, for exact mode.
    - `flow`: `GradientFlow()` by default; laws under weight decay state their decay.
    - `only`: paths (or prefixes) of the parameters whose own laws are wanted; the rest
        then takes every value, as data do.
    - `degree`: the largest degree of a polynomial that is tried.
    - `exact`: by a parametrisation φ with g(θ, x) = f(φ(θ), x), read off the model's
        gradients, or given: upper bound from ranks over GF(p) at random points, two
        primes; lower bound from laws that are identities over ℤ. Equal, they are a
        proof of what φ has, `certificate.to_json()`. That the model is a function of
        φ, either way, is compared at random points, and refused where it is not.
    - `on`: `"data"` for the laws of the problem's own inputs, whatever the targets and
        weights, beside those of all data: constants of pixels that are never on, of
        directions that no input has. `verified` tells the two apart.
    - `seed`: of the random points.

    **Returns:** the laws, `number`, bounds, `complete`, and the certificate. The number
    is that near the problem's parameters (a tenth away from them, where it is generic);
    where several regions meet there, that of the laws that hold in all, and a note.
    Laws that break for inputs up to 10⁹ times those of the data do not count; a note
    says how many there were.

    **Raises:** `DiscoveryError` for arguments of the wrong kind, a flow that discovery
    does not know, or that cannot start at the problem's parameters.
    """
    flow = GradientFlow() if flow is None else flow
    if not isinstance(flow, AbstractFlow):
        raise DiscoveryError(
            f"flow is a gfflow flow such as GradientFlow(); got {type(flow).__name__}"
        )
    if not _is_whole(degree) or degree < 1:
        raise DiscoveryError(f"degree is a positive integer; got {degree!r}")
    if not _is_whole(seed) or seed < 0:
        raise DiscoveryError(f"seed is an integer of at least 0; got {seed!r}")
    if on not in ("all", "data"):
        raise DiscoveryError(f"on is 'all' or 'data'; got {on!r}")
    if on == "data" and (exact or not isinstance(problem, Problem)):
        raise DiscoveryError(
            "on='data' is for a Problem with data, and not for exact mode; leave it out"
        )
    if isinstance(problem, Parametrisation):
        if only is not None:
            raise DiscoveryError("only is for a Problem; restrict φ itself")
        if isinstance(exact, Parametrisation):
            raise DiscoveryError(
                "a parametrisation comes alone, or with the Problem of its model, as "
                "discover(problem, flow, exact=parametrisation)"
            )
        return exact_discovery(problem, flow, seed)
    if isinstance(problem, tuple):
        if len(problem) not in (2, 3):
            raise DiscoveryError(
                "a model without data is (model, input_shape) or (model, input_shape, "
                f"loss); got a tuple of length {len(problem)}"
            )
        problem = problem_without_data(*problem)
    if not isinstance(problem, Problem):
        raise DiscoveryError(
            "discover takes a gfflow.Problem or (model, input_shape, loss); got "
            f"{type(problem).__name__}"
        )
    if not isinstance(exact, bool | Parametrisation):
        raise DiscoveryError(
            "exact is true, false or a gfflow.exact.Parametrisation; got "
            f"{type(exact).__name__}"
        )
    if exact and only is not None:
        raise DiscoveryError("only is not for exact mode; leave one of them out")
    if exact:
        return _exactly(problem, flow, exact, seed)
    with second_order(DiscoveryError):
        return black_box(problem, flow, only, degree, seed, on)


def _exactly(
    problem: Problem, flow: AbstractFlow, exact: bool | Parametrisation, seed: int
) -> Discovery:
    began = time.perf_counter()
    if isinstance(exact, Parametrisation):
        found, compared = own_parametrisation(problem, flow, exact, seed)
        source = "given with phi"
    else:
        found, compared = parametrisation_of(problem, flow, seed)
        source = "phi read off it"
    return exact_discovery(found, flow, seed, source, compared, began)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
