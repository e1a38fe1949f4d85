"""Conservation laws: functions of time and state, known ones and a user's own.

Imported when they are first used, so that a config can be read without JAX.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_names

if TYPE_CHECKING:
    from ._balancedness import balancedness as balancedness
    from ._confirm import holding as holding
    from ._decay import decaying as decaying
    from ._factor_sums import factor_sums as factor_sums
    from ._grammar import Degree as Degree
    from ._grammar import degree_name as degree_name
    from ._grammar import parse as parse
    from ._known import KnownLaws as KnownLaws
    from ._known import known_laws as known_laws
    from ._law import Law as Law
    from ._momentum_of import momentum_of as momentum_of
    from ._named_laws import named_laws as named_laws
    from ._rescaling import rescaling as rescaling
    from ._rotation import rotation as rotation
    from ._scale import law_scale as law_scale
    from ._softmax import softmax_column_sums as softmax_column_sums
    from ._symbolic import symbolic as symbolic
    from ._symmetry import Symmetry as Symmetry
    from .currents import Rank as Rank
    from .currents import bracket as bracket
    from .currents import normal_space as normal_space

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
