"""What a discovery returns."""

from ._discovery import Discovery as Discovery
from ._discovery import Evidence as Evidence
from ._present import presented as presented
