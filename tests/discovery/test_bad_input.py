"""What discovery is given wrong is a `DiscoveryError` that says so."""

import jax
import pytest
import sympy

import gfflow as gf
from gfflow.flows import MirrorFlow, MomentumFlow, Nesterov, WeightDecay
from gfflow.models import MLP

from ..annotations import wrong_arguments

KEY = jax.random.key(0)
MODEL = MLP([3, 4, 2], key=KEY), (3,)
U = sympy.IndexedBase("u")


def phi():
    return gf.exact.from_sympy([U[0] * U[1]], {"u": (2,)})


def discover(*given, **options):
    return lambda: gf.discover(*given, **options)


DISCOVER = {
    "kind": (discover(3), "gfflow.Problem"),
    "tuple": (discover((1, 2, 3, 4)), "length 4"),
    "shape": (discover((MODEL[0], (4,))), "cannot be called"),
    "negative shape": (discover((MODEL[0], (-3,))), "no size of an input is negative"),
    "no shape": (discover((MODEL[0], 3.0)), "tuple of integers"),
    "no parameters": (discover((lambda x: x, (3,))), "^the model has no floating"),
    "path": (discover(MODEL, only=["layer[0]"]), "layers"),
    "no path": (discover(MODEL, only=[]), "one path of a parameter or more"),
    "path of another kind": (discover(MODEL, only=3), "one path of a parameter"),
    "paths of another kind": (discover(MODEL, only=[3]), "a path is a string; got 3"),
    "degree": (discover(MODEL, degree=0), "positive"),
    "degree of another kind": (discover(MODEL, degree=True), "positive integer"),
    "seed": (discover(MODEL, seed=-1), "at least 0; got -1"),
    "seed of another kind": (discover(MODEL, seed=1.5), "got 1.5"),
    "loss": (discover((*MODEL, lambda z: z)), "loss"),
    "name of a loss": (discover((*MODEL, "msee")), "did you mean 'mse'"),
    "flow": (discover(MODEL, "gradient"), "got str"),
    "start": (discover(MODEL, MirrorFlow("entropy")), "must be positive"),
    "path of a flow": (discover(MODEL, gf.SaddleFlow("layer[0]")), "did you mean"),
    "only and exact": (discover(MODEL, only=["layers[0]"], exact=True), "only"),
}

EXACT = {
    "friction": (
        discover(MODEL, MomentumFlow(Nesterov(2.5)), exact=True),
        r"whole r; got 0 \+ 2.5/t",
    ),
    "own friction": (
        discover(MODEL, MomentumFlow(lambda t: t), exact=True),
        "of which that is not known",
    ),
    "decay": (
        discover(MODEL, MomentumFlow(0.1, weight_decay=0.1), exact=True),
        "without weight decay only",
    ),
    "flow": (
        discover(MODEL, gf.flows.sign(), exact=True),
        r"PreconditionedFlow, whose metric at layers\[0\].weight",
    ),
    "coupled decay": (
        discover(MODEL, WeightDecay(MirrorFlow(), 0.1, coupled=True), exact=True),
        "WeightDecay, whose metric",
    ),
    "metric": (lambda: gf.discover(phi(), MirrorFlow()), "another metric than φ"),
    "expression": (lambda: gf.exact.from_sympy(U[0], {"u": (2,)}), "φ is a list"),
    "no expression": (lambda: gf.exact.from_sympy([None], {"u": (2,)}), "got None"),
    "text": (lambda: gf.exact.from_sympy(["u[["], {"u": (2,)}), "SymPy expression"),
    "array": (lambda: gf.exact.from_sympy([U[0]], {"u": 2}), "tuple of integers"),
    "parametrisation": (lambda: gf.exact.exact_laws(3), "takes a Parametrisation"),
    "momentum": (lambda: gf.exact.exact_laws(phi(), momentum="free"), "got 'free'"),
}


@wrong_arguments
@pytest.mark.parametrize("name", DISCOVER)
def test_discover(name):
    call, words = DISCOVER[name]
    with pytest.raises(gf.DiscoveryError, match=words):
        call()


@wrong_arguments
@pytest.mark.parametrize("name", EXACT)
def test_exact_mode(name):
    call, words = EXACT[name]
    with pytest.raises(gf.DiscoveryError, match=words):
        call()
