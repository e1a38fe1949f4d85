"""What the entries of `[[compare]]` must agree on, key by key."""

from collections.abc import Callable, Iterator
from typing import Any

_Keys = tuple[str | int, ...]

WITH_MOMENTUM = ("heavy_ball", "nesterov")


def compare_problems(view: Any) -> Iterator[tuple[_Keys, str]]:
    """What is wrong with the entries that are valid key by key.

    **Arguments:**

    - `view`: `view(*keys)` is a valid value or `None`; `view.given(*keys)`.
    """
    seen: dict[str, int] = {}
    index = 0
    while view.given("compare", index):
        at = ("compare", index)
        optimiser = view(*at, "optimiser")
        name = view(*at, "name") or optimiser
        if name in seen:
            key = (*at, "name") if view.given(*at, "name") else at
            text = f"an entry of this name is there already, compare.{seen[name]}"
            yield key, f"{text}: give it a name of its own; got {name!r}"
        elif name is not None:
            seen[name] = index
        if optimiser is not None:
            yield from _misplaced(lambda key: view.given(*at, key), at, optimiser)
        if view(*at, "replacement") and not view.given(*at, "batch"):
            yield (*at, "replacement"), "needs batch, the samples a step; got no batch"
        index += 1


def _misplaced(
    given: Callable[[str], bool], at: _Keys, optimiser: str
) -> Iterator[tuple[_Keys, str]]:
    is_target = ":" in optimiser
    if given("momentum") and optimiser not in WITH_MOMENTUM:
        yield (
            (*at, "momentum"),
            f"is for {' and '.join(WITH_MOMENTUM)}; leave it out; got it for "
            f"{optimiser!r}",
        )
    if given("weight_decay") and is_target:
        yield (
            (*at, "weight_decay"),
            "is for the named optimisers; let the target's own function have it, by "
            f"the table arguments; got it for {optimiser!r}",
        )
    if given("arguments") and not is_target:
        yield (
            (*at, "arguments"),
            f"is for a target; leave it out; got it for {optimiser!r}",
        )
