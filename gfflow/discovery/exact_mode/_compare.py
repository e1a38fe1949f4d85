"""Whether a model is a function of φ, and sees all of it, as far as samples show."""

from typing import Any, NamedTuple, final

import jax.tree_util as jtu
import numpy as np

from ..exact import Parametrisation, generic_span
from ..polynomials import Layout
from ._gradients import Batch, ModelGradients, ParameterDraw
from ._row_space import rank_of, row_space, triangular, unit_rows

# What may be round-off: of a gradient off the span of ∂φ, and of an output.
_OFF, _UNEQUAL = 1e-9, 1e-9
# Batches at a place near the model's parameters; and ln of the largest factor of an
# entry on the way to parameters of the same φ.
_LEAST, _MOST = 4, 64
_FARTHEST = 8.0


@final
class ModelComparison(NamedTuple):
    """How a model compared with φ.

    **Attributes:**

    - `dimension`: of the span of ∂φ.
    - `near`: of the gradients at points near the model's own parameters.
    - `places`, `gradients`, `outputs`: how many parameters, gradients and pairs of
        outputs were looked at.
    - `off`: the largest part of a gradient off the span of ∂φ.
    - `unequal`: the largest difference of outputs where φ is equal, over the sum of the
        sizes of their terms.
    - `refusal`: why the model is no function of φ or sees less of it, if so.
    """

    dimension: int
    near: tuple[int, ...] = ()
    places: int = 0
    gradients: int = 0
    outputs: int = 0
    off: float = 0.0
    unequal: float = 0.0
    refusal: str = ""

    @property
    def note(self) -> str:
        """What a reader must know of a model that is not refused."""
        if set(self.near) <= {self.dimension}:
            return ""
        return (
            "inconclusive: these are laws of the model, but a tenth away from its "
            f"parameters its gradients span {list(self.near)} dimensions, and those of "
            f"φ {self.dimension}: where a unit is always on, or never, it has more laws"
        )

    def to_json(self) -> dict[str, Any]:
        """For a certificate."""
        return {
            "dimension_of_phi": self.dimension,
            "dimensions_near_the_parameters": list(self.near),
            "parameters": self.places,
            "gradients": self.gradients,
            "largest_part_off_the_span": self.off,
            "pairs_of_outputs": self.outputs,
            "largest_difference": self.unequal,
        }


def compare(
    model: ModelGradients, parametrisation: Parametrisation, order: Layout
) -> ModelComparison:
    """A model with φ, at random parameters θ on random inputs x of all sizes.

    **What is proved.** If W_θ = span {∂_θ ⟨w, g(θ, x)⟩} ⊂ range ∂φ(θ)ᵀ at all θ, each
    law of φ is one of the model. If W_θ ⊃ range ∂φ(θ)ᵀ in a region, each law of the
    model there is one of φ: near a generic θ every ∇φ_i is then a combination of fields
    of W with smooth coefficients, so Lie(W) contains the Lie algebra of the ∇φ_i.

    **What is sampled.** The first inclusion, by gradients at eleven θ, three a tenth
    away from the model's own parameters and eight with arrays and inputs from 10⁻¹² to
    10¹² times their own size; and at as many more with the same φ, where entries are
    multiplied by factors that no monomial of φ feels, and where the outputs must be the
    same too.
    The second one by the dimension of the gradients near the model's parameters, which
    must be that of the span. What a model does on inputs of other sizes, or on hardly
    any, is not seen.

    **Arguments:**

    - `order`: the arrays of the model; those of φ are the same in any order.
    """
    part, rank = generic_span(parametrisation, 0)
    scalings = parametrisation.coordinates.scalings(parametrisation.size)
    columns = _columns(parametrisation.layout, order)
    compared = _Compared(model, part, rank, scalings, columns, np.random.default_rng(0))
    found = ModelComparison(rank)
    for number, place in enumerate(model.places):
        found = compared.at(found, number, place)
        if found.refusal:
            return found
    if rank not in found.near:
        return found._replace(
            refusal=f"near its parameters its gradients span {list(found.near)} "
            f"dimensions, and those of φ {rank}: it has more laws there than φ, as "
            "where a unit is always on, or never"
        )
    tried = (1 + bool(len(scalings))) * len(model.places)
    if 2 * found.places < tried:
        return found._replace(
            refusal=f"at {found.places} of {tried} random parameters only there are "
            "finite gradients, and a ∂φ that can be told from one of lower rank"
        )
    return found


@final
class _Compared(NamedTuple):
    """What is compared: `part` of φ has its whole span, of dimension `rank`."""

    model: ModelGradients
    part: Parametrisation
    rank: int
    scalings: np.ndarray
    columns: np.ndarray
    random: np.random.Generator

    def at(
        self, found: ModelComparison, number: int, place: ParameterDraw
    ) -> ModelComparison:
        """With what is seen at a place and on its fibre; where ∂φ has not its generic
        rank to working precision, nothing is."""
        theta, sizes = place.theta[self.columns], place.sizes[self.columns]
        basis = row_space(self.part.coordinates.slopes(theta), sizes, self.rank)
        if basis is None:
            return found
        seen, drawn = np.zeros((0, self.rank)), 0
        least, most = (_LEAST, _MOST) if place.near else (1, 1)
        while drawn < least or (drawn < most and rank_of(seen) < self.rank):
            batch = self.model.batch(number, drawn)
            found, inside = self._inside(found, batch, basis, theta, sizes)
            if found.refusal:
                return found
            seen = triangular(np.concatenate([seen, inside]))
            drawn += 1
        found = found._replace(places=found.places + bool(len(seen)))
        if place.near:
            found = found._replace(near=(*found.near, rank_of(seen)))
        return self._on_the_fibre(
            found, basis, self.model.batch(number, 0), theta, sizes
        )

    def _inside(
        self, found: ModelComparison, batch: Batch, basis: np.ndarray, theta, sizes
    ) -> tuple[ModelComparison, np.ndarray]:
        """The gradients in the basis of the span, and what of them is off it."""
        rows, kept = unit_rows(batch.rows[:, self.columns] * sizes)
        inside = rows @ basis.T
        rest = rows - inside @ basis
        off = np.linalg.norm(rest, axis=1)
        worst = float(off.max(initial=0.0))
        found = found._replace(
            gradients=found.gradients + len(rows), off=max(found.off, worst)
        )
        if worst > _OFF:
            at = int(np.argmax(off))
            where = _where(theta, batch, int(kept[at]))
            array = self.part.layout.locate(int(np.argmax(np.abs(rest[at]))))[0]
            found = found._replace(
                refusal=f"{where} its gradient is off the span of ∂φ by {worst:.1e} "
                f"of its size, most in {self.part.layout.names[array]}"
            )
        return found, inside

    def _on_the_fibre(
        self, found: ModelComparison, basis: np.ndarray, batch: Batch, theta, sizes
    ) -> ModelComparison:
        """The same data at other parameters θ' = e^s ∘ θ of the same φ, where
        ∂φ(θ') = ∂φ(θ) ∘ e^{−s}: in units that are larger by e^s nothing changes.
        """
        if not len(self.scalings):
            return found
        step = self.random.standard_normal(len(self.scalings)) @ self.scalings
        step *= _FARTHEST * self.random.uniform(0.2, 1.0) / np.abs(step).max()
        other, sizes = theta * np.exp(step), sizes * np.exp(step)
        back = np.empty_like(other)
        back[self.columns] = other
        moved = self.model.at(back, batch.data)
        found, inside = self._inside(found, moved, basis, other, sizes)
        found = found._replace(places=found.places + bool(len(inside)))
        if found.refusal:
            return found
        terms = sum(
            np.abs(b.values) + np.abs(b.rows[:, self.columns]) @ np.abs(at)
            for b, at in ((batch, theta), (moved, other))
        )
        with np.errstate(invalid="ignore"):
            ratio = np.abs(batch.values - moved.values) / np.where(terms > 0, terms, 1)
        told = np.isfinite(ratio)
        ratio = np.where(told, ratio, 0.0)
        worst = float(ratio.max(initial=0.0))
        found = found._replace(
            outputs=found.outputs + int(told.sum()), unequal=max(found.unequal, worst)
        )
        if worst > _UNEQUAL:
            where = _where(other, batch, int(np.argmax(ratio)))
            return found._replace(
                refusal=f"{where} its output is another one, by {worst:.1e} of its "
                "terms, than at parameters of the same φ"
            )
        return found


def _columns(layout: Layout, order: Layout) -> np.ndarray:
    """Of each entry of one layout its number in another one of the same arrays."""
    starts = dict(zip(order.names, order.offsets))
    return np.concatenate(
        [
            starts[name] + np.arange(size)
            for name, size in zip(layout.names, layout.sizes)
        ]
    )


def _where(theta: np.ndarray, batch: Batch, sample: int) -> str:
    inputs = [np.asarray(x)[sample] for x in jtu.tree_leaves(batch.data[0])]
    size = max((np.abs(x).max(initial=0) for x in inputs), default=0)
    return (
        f"at parameters of up to {np.abs(theta).max():.1e} and an input of up to "
        f"{size:.1e}"
    )
