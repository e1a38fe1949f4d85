"""The run folder: its files, and what each states.

Imported when they are first used: a report is written without JAX.
"""

from typing import TYPE_CHECKING

from ..._lazy import lazy_names

if TYPE_CHECKING:
    from ._provenance import devices as devices
    from ._provenance import provenance as provenance
    from ._provenance import versions as versions
    from ._run_folder import COMPARISON as COMPARISON
    from ._run_folder import CONFIG as CONFIG
    from ._run_folder import METRICS as METRICS
    from ._run_folder import REPORT as REPORT
    from ._run_folder import RESOLVED as RESOLVED
    from ._run_folder import RunFolder as RunFolder
    from ._run_folder import free_folder as free_folder
    from ._run_folder import write_atomically as write_atomically

__getattr__, __dir__, __all__ = lazy_names(__name__, __file__)
