"""A flow without what does not decide on its laws."""

from ..._errors import DiscoveryError
from ...flows import AbstractFlow, GradientFlow, LearningRate, MirrorFlow, WeightDecay


def bare(flow: AbstractFlow) -> AbstractFlow:
    """The flow whose fields decide on the laws: a learning rate scales them, a
    homogeneous decay is accounted for apart, and what spans the same as gradient flow
    is gradient flow.

    **Raises:** `DiscoveryError` for weight decay whose laws are not known to decay.
    """
    flow = flow.without_decay()
    while isinstance(flow, LearningRate):
        flow = flow.flow.without_decay()
    if isinstance(flow, WeightDecay) and not flow.has_memory:
        raise DiscoveryError(
            f"coupled weight decay on {type(flow.base).__name__} is not known to "
            "discovery; make it decoupled, or leave it out"
        )
    if flow.stays_in_span:
        return GradientFlow()
    return flow.in_the_primal() if isinstance(flow, MirrorFlow) else flow
