"""The map φ through which a model sees its parameters."""

from collections.abc import Mapping, Sequence
from typing import final

import numpy as np

from ..._errors import DiscoveryError
from ..._registry import suggest
from ..polynomials import Layout, Polynomial
from ._modular import PrimeField
from ._nilpotent import Nilpotent
from ._table import Table

Rotation = Mapping[tuple[int, int], int]


@final
class Parametrisation:
    """g(θ, x) = f(φ(θ), x), φ polynomial; W_θ = range ∂φ(θ)ᵀ.

    The flow is θ' = −diag(θ_i^{a_i}) ∇L: a = 0 is gradient flow, a_i = 1 the mirror
    flow of the entropy of θ_i.

    **Attributes:**

    - `name`: for messages.
    - `layout`: the names and shapes of the arrays in θ.
    - `coordinates`: φ.
    - `metric`: a, int[D].
    - `laws`: known laws of the flow. They are verified where they are used.
    - `rotations`: known skew matrices A, as {(i, j): A_ij, i < j}, under which φ does
        not change: ⟨∇φ(θ), Aθ⟩ = 0.
    """

    name: str
    layout: Layout
    coordinates: Table
    metric: np.ndarray
    laws: tuple[Polynomial, ...]
    rotations: tuple[Rotation, ...]

    def __init__(
        self,
        name: str,
        layout: Layout,
        coordinates: Table | Sequence[Polynomial],
        *,
        metric: np.ndarray | None = None,
        laws: Sequence[Polynomial] = (),
        rotations: Sequence[Rotation] = (),
    ):
        """**Raises:** `DiscoveryError` if there are no parameters or no coordinates, a
        coordinate uses an entry that is not in the layout, or the metric is not D
        exponents 0 or 1.
        """
        if not isinstance(coordinates, Table):
            coordinates = Table.of(coordinates)
        size = layout.size
        if not size or not coordinates.count:
            raise DiscoveryError(
                f"{name} needs parameters and coordinates; got {size} parameters and "
                f"{coordinates.count} coordinates"
            )
        for group in coordinates.terms:
            used = group.entries
            if used.size and (used.min() < 0 or used.max() >= size):
                outside = used.min() if used.min() < 0 else used.max()
                raise DiscoveryError(
                    f"{name} has entries 0 to {size - 1}; a coordinate uses {outside}"
                )
        metric = np.zeros(size, int) if metric is None else np.asarray(metric)
        if metric.shape != (size,) or not np.isin(metric, (0, 1)).all():
            raise DiscoveryError(
                f"the metric of {name} is {size} exponents, each 0 or 1; got an array "
                f"of shape {metric.shape} with values {np.unique(metric).tolist()}"
            )
        self.name = name
        self.layout = layout
        self.coordinates = coordinates
        self.metric = metric.astype(int)
        self.laws = tuple(laws)
        self.rotations = tuple(rotations)

    @property
    def size(self) -> int:
        """D."""
        return self.layout.size

    @property
    def euclidean(self) -> bool:
        return not self.metric.any()

    def subset(self, number: int, rng: np.random.Generator) -> np.ndarray | None:
        """About so many of the coordinates, drawn at random, and one more for each
        entry; `None` for all. It makes W smaller, never larger.
        """
        count = self.coordinates.count
        if number >= count:
            return None
        owners = np.concatenate(
            [np.repeat(t.owner, t.entries.shape[1]) for t in self.coordinates.terms]
        )
        entries = np.concatenate([t.entries.ravel() for t in self.coordinates.terms])
        order = rng.permutation(len(entries))
        _, first = np.unique(entries[order], return_index=True)
        drawn = rng.choice(count, number, replace=False)
        return np.union1d(drawn, owners[order[first]])

    def taking(self, kept: np.ndarray | None) -> "Parametrisation":
        """With these coordinates only; `None` for all."""
        if kept is None:
            return self
        return Parametrisation(
            self.name, self.layout, self.coordinates.take(kept), metric=self.metric
        )

    def placed(self, layout: Layout, place: np.ndarray) -> "Parametrisation":
        """With entry `place[i]` of another layout in the place of entry i."""
        moved = lambda law: Polynomial(
            {tuple(place[list(m)].tolist()): c for m, c in law.terms.items()}
        )
        metric = np.zeros(layout.size, int)
        metric[place] = self.metric
        return Parametrisation(
            self.name,
            layout,
            self.coordinates.placed(place),
            metric=metric,
            laws=[moved(law) for law in self.laws],
            rotations=[_turned(turn, place) for turn in self.rotations],
        )

    def renamed(self, names: Mapping[str, str]) -> "Parametrisation":
        """With other names of arrays, such as the paths of the parameters of a model.

        **Raises:** `DiscoveryError` for a name that φ does not have, or one that two
        arrays would have.
        """
        for name in names:
            if name not in self.layout.names:
                raise DiscoveryError(
                    f"{self.name} has no array {name!r}"
                    f"{suggest(name, self.layout.names)}; there are: "
                    f"{', '.join(self.layout.names)}"
                )
        made = tuple(names.get(name, name) for name in self.layout.names)
        if len(set(made)) < len(made):
            raise DiscoveryError(
                f"the arrays of {self.name} need names of their own; got "
                f"{', '.join(made)}"
            )
        layout = Layout(made, self.layout.shapes)
        return self.placed(layout, np.arange(self.size))

    def under(self, metric: np.ndarray) -> "Parametrisation":
        """The same φ of a flow of another metric."""
        return Parametrisation(
            self.name,
            self.layout,
            self.coordinates,
            metric=metric,
            laws=self.laws,
            rotations=self.rotations,
        )

    def jacobian(self, prime: PrimeField, theta: np.ndarray) -> np.ndarray:
        """X_i(θ) of each coordinate, one a row."""
        found = self.coordinates.jacobian(prime, theta)
        mirror = np.flatnonzero(self.metric)
        found[:, mirror] = prime.reduce(found[:, mirror] * theta[mirror])
        return found

    def field(
        self, algebra: Nilpotent, theta: np.ndarray, weights: np.ndarray
    ) -> np.ndarray:
        """X_M(θ) = diag(θ^a) ∇⟨M, φ⟩(θ); shapes as in `Table.gradient`."""
        found = self.coordinates.gradient(algebra, theta, weights)
        mirror = np.flatnonzero(self.metric)
        if len(mirror):
            found[:, mirror] = algebra.multiply(theta[:, mirror], found[:, mirror])
        return found


def _turned(turn: Rotation, place: np.ndarray) -> Rotation:
    found = {}
    for (i, j), value in turn.items():
        a, b = int(place[i]), int(place[j])
        found[min(a, b), max(a, b)] = value if a < b else -value
    return found
