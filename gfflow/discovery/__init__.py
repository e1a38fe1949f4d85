"""Discovery: the laws of a model, and a proof that there are no more."""

from . import exact as exact
from ._discover import discover as discover
from .result import Discovery as Discovery
from .result import RankCertificate as RankCertificate
