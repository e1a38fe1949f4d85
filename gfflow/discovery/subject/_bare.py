"""A flow without what does not decide on its laws."""

from ..._errors import DiscoveryError
from ...flows import AbstractFlow


def bare(flow: AbstractFlow) -> AbstractFlow:
    """The flow whose fields decide on the laws.

    **Raises:** `DiscoveryError` for weight decay whose laws are not known to decay.
    """
    bare = flow.for_discovery()
    if bare is None:
        raise DiscoveryError(
            f"coupled weight decay on {type(flow.base).__name__} is not known to "
            "discovery; make it decoupled, or leave it out"
        )
    return bare
