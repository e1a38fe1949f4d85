"""How the programs of the tests are compiled: two thirds of their time."""

import jax
from jax._src import compiler

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
