"""Where a run on disk is."""

import io
from typing import NamedTuple

import equinox as eqx

from ... import __version__
from ..._errors import RunFolderError
from ...integrate import Carry, Integration, Seconds
from ..store import RunFolder


class Checkpoint(NamedTuple):
    """All that must be on disk beside the rows to go on with the same bits.

    - `carry`: of the integration.
    - `rows`: how many are in the segments and come before the carry.
    - `seconds`: that it took so far.
    """

    carry: Carry
    rows: int
    seconds: Seconds

    def write(self, folder: RunFolder) -> None:
        """Write it in the place of the one before."""
        body = io.BytesIO()
        eqx.tree_serialise_leaves(body, self.carry)
        header = {
            "rows": self.rows,
            "t": float(self.carry.t),
            "status": self.carry.status_name,
            **self.seconds._asdict(),
        }
        folder.write_checkpoint(header, body.getvalue())

    @classmethod
    def read(
        cls, folder: RunFolder | None, integration: Integration
    ) -> "Checkpoint | None":
        """The last one of a folder; `None` if there is none yet.

        **Raises:** `RunFolderError` if it does not fit the integration.
        """
        found = None if folder is None else folder.read_checkpoint()
        if found is None or folder is None:
            return None
        header, body = found
        try:
            carry = eqx.tree_deserialise_leaves(body, integration.carry_like())
        except Exception as error:
            raise RunFolderError(
                f"the checkpoint of {folder.path} is damaged, or of another version of "
                f"gfflow (this is {__version__}): {error}. The arrays in its seg-*.npz "
                "are whole; to go on, run its config.toml again in another folder"
            ) from error
        seconds = Seconds(header["wall_s"], header["compile_s"])
        return cls(carry, header["rows"], seconds)
