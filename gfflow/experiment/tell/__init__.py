"""What is told of a run: tables, reports, progress."""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from ._compare_table import print_compared as print_compared
    from ._laws_table import print_laws as print_laws
    from ._metrics import metrics_of as metrics_of
    from ._metrics import print_summary as print_summary
    from ._metrics import write_results as write_results
    from ._progress import Progress as Progress
    from ._screen import Screen as Screen
    from ._screen import visible as visible

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
