"""How the programs of the tests are compiled: two thirds of their time."""

import contextlib
from collections.abc import Iterator

import jax
from jax._src import compiler

# By default XLA makes a kernel of each fusion of operations, through MLIR: two thirds
# of what compilation takes once LLVM's optimisations are off.
_QUICK = {"xla_cpu_use_fusion_emitters": False}
_in_force: dict[str, bool] = {}


def compile_quickly() -> None:
    """Compile every program of this process with the quick options.

    JAX takes options by program or by process, in which all tests run but some
    (`compiled_as_users_do`); so they are added where it collects those of a program.
    A compiler that does not know them compiles as it did.
    """
    given = getattr(compiler, "get_compile_options", None)
    if given is None:
        return
    try:
        jax.jit(lambda: 0, compiler_options=_QUICK)()
    except Exception:
        return

    def with_options(*arguments, env_options_overrides=None, **keywords):
        options = {**_in_force, **(env_options_overrides or {})}
        return given(*arguments, env_options_overrides=options, **keywords)

    compiler.get_compile_options = with_options
    _in_force.update(_QUICK)


@contextlib.contextmanager
def compiled_as_users_do() -> Iterator[None]:
    """Sums in the order of the compiler's defaults, for what depends on it."""
    quick = dict(_in_force)
    _in_force.clear()
    jax.clear_caches()
    yield
    _in_force.update(quick)
    jax.clear_caches()
