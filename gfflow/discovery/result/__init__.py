"""What a discovery returns."""

from ._certificate import RankCertificate as RankCertificate
from ._discovery import Discovery as Discovery
from ._presented import presented as presented
