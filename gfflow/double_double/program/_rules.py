"""The table of what each primitive does to pairs."""

from collections.abc import Callable

from jax.extend.core import JaxprEqn

from ._values import Values

Rule = Callable[[JaxprEqn, Values], Values]

_RULES: dict[str, Rule] = {}
_ALWAYS: set[str] = set()


def rule(*primitives: str, always: bool = False) -> Callable[[Rule], Rule]:
    """Say that a function is the rule of these primitives, by their names.

    **Arguments:**

    - `always`: also where no number that goes in or comes out is real.
    """

    def of(function: Rule) -> Rule:
        for name in primitives:
            _RULES[name] = function
            if always:
                _ALWAYS.add(name)
        return function

    return of


def rule_of(primitive: str) -> Rule | None:
    """The rule of a primitive; `None` where there is none."""
    return _RULES.get(primitive)


def is_always_ruled(primitive: str) -> bool:
    """Whether its rule is for whole numbers too."""
    return primitive in _ALWAYS
