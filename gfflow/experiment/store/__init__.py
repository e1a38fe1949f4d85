"""The run folder: its files, and what each states."""

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
