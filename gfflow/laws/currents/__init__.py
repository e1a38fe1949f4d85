"""Laws read off the gradients of a model: units of its arrays whose currents match."""

from ._brackets import bracket as bracket
from ._match import families as families
from ._matched import MatchedUnits as MatchedUnits
from ._moments import Moments as Moments
from ._moments import MomentsOfUnits as MomentsOfUnits
from ._probes import probes as probes
from ._rank import Rank as Rank
from ._rank import normal_space as normal_space
from ._read import LawFunction as LawFunction
from ._read import law_of as law_of
from ._read import read_families as read_families
from ._read import read_laws as read_laws
from ._symmetric import symmetry_of as symmetry_of
from ._units import Units as Units
