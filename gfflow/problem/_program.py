"""Compiled functions of problems, shared by problems that are alike."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import equinox as eqx
import jax
import jax.tree_util as jtu

from .._typing import Parameters
from ._problem import Problem


def program_of(fn: Callable[..., Any], problem: Problem) -> Callable[..., Any]:
    """`fn(problem, *arrays)` of this problem, compiled: one program for problems alike,
    where what they are made of besides arrays can be hashed."""
    arrays, rest = eqx.partition(problem, eqx.is_array)
    leaves, structure = jtu.tree_flatten(rest)
    try:
        program = _shared(fn, tuple(leaves), structure)
    except TypeError:
        program = _program(fn, leaves, structure)
    return partial(program, arrays)


def gradient_on(problem: Problem, parameters: Parameters, data: Any) -> Parameters:
    """At these parameters, on data as `Problem.with_data` takes them."""
    return problem.with_data(*data).gradient(parameters)


def _program(fn, leaves, structure) -> Callable[..., Any]:
    rest = jtu.tree_unflatten(structure, leaves)
    return jax.jit(lambda arrays, *args: fn(eqx.combine(arrays, rest), *args))


_shared = lru_cache(maxsize=64)(_program)
