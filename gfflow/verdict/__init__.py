"""Weighing laws against a solution: pieces of evidence, one verdict a law."""

from ._check import check as check
from ._drift import drift_of as drift_of
from ._drift import largest_scales as largest_scales
from ._drift import relative_drift as relative_drift
from ._report import LawReport as LawReport
from ._report import Report as Report
from ._verdict import Verdict as Verdict
