"""Discovery: the laws of a model, and a proof that there are no more.

The package can be called: `gfflow.discover(problem)`.
"""

from .._callable_package import make_callable
from . import exact as exact
from ._discover import discover as discover
from ._discovery import Discovery as Discovery
from ._discovery import Evidence as Evidence

make_callable(__name__, discover)
