"""Where the function of a model has kinks, and the smooth pieces between them."""

from ._pieces import Pieces as Pieces
from ._reading import Gates as Gates
from ._reading import KinkReading as KinkReading
from ._trial import tried as tried
from ._unreadable import Unreadable as Unreadable
