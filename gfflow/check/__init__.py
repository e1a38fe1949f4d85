"""Weighing laws against a solution: three pieces of evidence, one verdict a law.

The package can be called: `gfflow.check(solution, laws)`.
"""

import sys
import types

from ._check import check as check
from ._drift import drift_of as drift_of
from ._report import LawReport as LawReport
from ._report import Report as Report
from ._verdict import Verdict as Verdict


class _CallablePackage(types.ModuleType):
    """Importing `gfflow.check` anywhere binds the package over the function's name."""

    __call__ = staticmethod(check)


sys.modules[__name__].__class__ = _CallablePackage
