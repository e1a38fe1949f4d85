"""Every registered name resolves, and a wrong one is met with a suggestion."""

import pytest

import gfflow as gf
from gfflow._registry import describe, kinds, lookup, names, suggest


@pytest.mark.parametrize("kind, name", [(k, n) for k in kinds() for n in names(k)])
def test_every_entry_resolves(kind, name):
    assert callable(lookup(kind, name)) and lookup(kind, name.upper())
    assert describe(kind)[name]


def test_every_public_name_resolves():
    for name in gf.__all__:
        assert getattr(gf, name) is not None
    with pytest.raises(AttributeError):
        gf.nothing


def test_a_wrong_name():
    with pytest.raises(gf.GFFlowError, match="did you mean 'tsit5'"):
        lookup("solvers", "tsit6")
    assert suggest("relo", ["relu", "tanh"]) == " (did you mean 'relu'?)"
    assert suggest("xyz", ["relu", "tanh"]) == ""
