"""JAX programs on pairs: one file of rules a family of primitives."""

from . import _control as _control
from . import _elementwise as _elementwise
from . import _linear as _linear
from . import _reductions as _reductions
from . import _rounding as _rounding
from . import _structural as _structural
from ._evaluate import on_pairs as on_pairs
