"""Laws read off the gradients of a model: axes of its arrays whose currents match."""

from ._match import families as families
from ._probes import probes as probes
from ._read import ReadLaw as ReadLaw
from ._read import read_laws as read_laws
