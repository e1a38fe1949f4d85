"""What is met of kinks on one walk through a program."""

from collections.abc import Sequence
from typing import Self

from jaxtyping import Array

from ._origins import ProgramSurvey


class Book:
    """The kinks of a program in the order in which they are met.

    A kink is a place in the program where a function of the parameters is compared with
    another: its *margin* is their difference, its *bit* the outcome as the program has
    it, its *gate* the outcome that is taken. Each entry of its arrays is one kink.

    **Attributes:**

    - `alike`: by number, in order of appearance, `None` for a kink that is left as the
        program has it; else the number of the kink whose gate it takes, often its own,
        and whether that is turned round. Without it every kink has its own gate.
    - `gates`: of the kinks that have their own, in order; without it the bits.
    - `margins`, `bits`: of the kinks that have their own gate.
    - `varying`: whether each depends on the sample, and not on the parameters alone.
    - `loops`: the loops that each is met in, from the outermost on.
    - `units`: and of which operation it is, by a number in its loop; `unit` that of
        the operation that is met.
    - `met`: how many kinks so far.
    - `survey`: of the programs that are walked through.
    - `flowing`: whether what the program does not differentiate is differentiated.
    """

    def __init__(
        self,
        alike: Sequence[tuple[int, bool] | None] | None = None,
        gates: Sequence[Array] | None = None,
        survey: ProgramSurvey | None = None,
    ):
        self.alike, self.gates = alike, gates
        self.survey = survey or ProgramSurvey()
        self.flowing = False
        self.margins: list[Array] = []
        self.bits: list[Array] = []
        self.varying: list[bool] = []
        self.loops: list[tuple[int, ...]] = []
        self.units: list[int] = []
        self.met = self.unit = 0
        self._taken: dict[int, Array] = {}

    def gate(self, margin: Array, bit: Array, varies: bool) -> Array | None:
        """The gate of the kink that is met; `None` where it is left as it is."""
        number, self.met = self.met, self.met + 1
        like = (number, False) if self.alike is None else self.alike[number]
        if like is None:
            return None
        first, turned = like
        if first == number:
            own = len(self.margins)
            self.margins.append(margin)
            self.bits.append(bit)
            self.varying.append(varies)
            self.loops.append(())
            self.units.append(self.unit)
            self._taken[number] = bit if self.gates is None else self.gates[own]
        gate = self._taken[first]
        if not turned:
            return gate
        return ~gate if gate.dtype == bool else 1 - gate

    def passes(self, count: int) -> bool:
        """Whether the next `count` kinks are all left as they are; then they are
        met."""
        if count == 0:
            return True
        coming = range(self.met, self.met + count)
        if self.alike is None or any(self.alike[i] is not None for i in coming):
            return False
        self.met += count
        return True

    def inner(self, count: int) -> tuple[Self, int]:
        """A book for the next `count` kinks, met in a loop, and how many have their own
        gates. Numbers in it begin at 0.

        A kink in a loop takes no gate from outside of it.
        """
        start = self.met
        if self.alike is None:
            return self._like(None), count
        part = [
            None if like is None else (like[0] - start, like[1])
            for like in self.alike[start : start + count]
        ]
        own = sum(like is not None and like[0] == i for i, like in enumerate(part))
        return self._like(part), own

    def _like(self, alike: Sequence[tuple[int, bool] | None] | None) -> Self:
        made = type(self)(alike, survey=self.survey)
        made.flowing = self.flowing
        return made

    def gates_of(self, count: int) -> Sequence[Array] | None:
        """Those of the next `count` kinks with their own gate, if any are given."""
        if self.gates is None:
            return None
        return self.gates[len(self.margins) : len(self.margins) + count]

    def add(
        self, loop: "Book", margins: Sequence[Array], bits: Sequence[Array]
    ) -> None:
        """What a loop has met, with the loop as leading axis."""
        self.margins.extend(margins)
        self.bits.extend(bits)
        self.varying.extend(loop.varying)
        self.loops.extend((self.met, *inside) for inside in loop.loops)
        self.units.extend(loop.units)
        self.met += loop.met
