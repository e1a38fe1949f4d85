"""The loss around a point: critical points and the Hessian's spectrum."""

from ._critical_point import CriticalPoint as CriticalPoint
from ._critical_point import critical_point as critical_point
from ._ending import Ending as Ending
from ._spectrum import Spectrum as Spectrum
from ._spectrum import hessian_eigenvalues as hessian_eigenvalues
