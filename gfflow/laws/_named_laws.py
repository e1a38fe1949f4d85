"""Laws by name."""

from collections.abc import Sequence

from .._errors import SolveError
from ._law import Law


def named_laws(laws: Sequence[Law]) -> dict[str, Law]:
    """Name → law.

    **Raises:** `SolveError` for what is not a law, or for two laws of one name.
    """
    table = {}
    for law in laws:
        if not isinstance(law, Law):
            raise SolveError(
                f"laws are gfflow.Law; got {type(law).__name__}. Wrap a function h "
                "with gfflow.Law(h), an expression with gfflow.symbolic",
                argument="laws",
            )
        if law.name in table:
            raise SolveError(
                f"two laws are named {law.name!r}; give each its own name",
                argument="laws",
            )
        table[law.name] = law
    return table
