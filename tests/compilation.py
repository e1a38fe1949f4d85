"""How the programs of the tests are compiled: two thirds of their time."""

from contextlib import ExitStack

import jax
from jax._src import compiler
from jax._src.interpreters import mlir

_whole_process = ExitStack()

# By default XLA makes a kernel of each fusion of operations, through MLIR: two thirds
# of what compilation takes once LLVM's optimisations are off.
_QUICK = {"xla_cpu_use_fusion_emitters": False}


def compile_quickly() -> None:
    """Compile every program of this process with the quick options.

    JAX takes options by program; XLA also by process, but ends one that gives it an
    option that it does not know. So they are added where JAX collects those of a
    program, and a compiler that does not know them compiles as it did.
    """
    given = getattr(compiler, "get_compile_options", None)
    if given is None:
        return
    try:
        jax.jit(lambda: 0, compiler_options=_QUICK)()
    except Exception:
        return

    def with_options(*arguments, env_options_overrides=None, **keywords):
        options = {**_QUICK, **(env_options_overrides or {})}
        return given(*arguments, env_options_overrides=options, **keywords)

    compiler.get_compile_options = with_options


def quick_end_of_a_solve() -> None:
    """Also in what the tests give to Diffrax itself, as gfflow has it in its solves; to
    be called when the annotations of gfflow are checked."""
    from gfflow.integrate._last_places import counted_at_once

    _whole_process.enter_context(counted_at_once())


def share_one_context() -> None:
    """Write the programs of this process in one context of MLIR: to make another one
    takes a fifth of what a small program takes. One that is written while another is,
    has its own."""
    make = getattr(mlir, "make_ir_context", None)
    if make is None:
        return
    shared = make()

    def context():
        return shared if mlir.ir.Context.current is None else make()

    mlir.make_ir_context = context
