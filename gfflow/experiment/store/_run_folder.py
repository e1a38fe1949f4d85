"""The run folder: every write is a temporary file, fsync, `os.replace`."""

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from filelock import FileLock, Timeout

from ..._errors import RunFolderError

CONFIG, RESOLVED, METRICS = "config.toml", "resolved.json", "metrics.json"
CHECKPOINT, EVENTS, REPORT = "checkpoint.eqx", "events.jsonl", "report.html"
COMPARISON, LOCK = "compare.json", ".lock"


def write_atomically(path: Path, write: Callable[[BinaryIO], Any]) -> None:
    """Write a file so that a reader, or a crash, sees the old or the new one whole."""
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with open(temporary, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(folder: Path) -> None:
    if os.name == "nt":  # no handle of a folder there
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class RunFolder:
    """A run folder on disk.

    **Attributes:**

    - `path`: of the folder.
    """

    path: Path

    def __init__(self, path: Path):
        self.path = Path(path)

    @classmethod
    def create(cls, path: Path, config_text: str, resolved: Mapping[str, Any]):
        """Make a new folder with what was asked; it appears whole or not at all.

        **Raises:** `RunFolderError` if the folder is there and not empty, or cannot be
        made.
        """
        path = Path(path)
        young = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunFolderError(
                    f"{path} is there and not empty; name another folder with --out, "
                    f"or go on with it: gfflow resume {path}"
                )
            young.mkdir(parents=True)
            run = cls(young)
            run.write_text(CONFIG, config_text)
            run.write_json(RESOLVED, resolved)
            os.replace(young, path)
            _sync(path.parent)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be made: {error}") from None
        finally:
            shutil.rmtree(young, ignore_errors=True)
        return cls(path)

    @classmethod
    def made(cls, path: Path):
        """A folder, made if it is not there, for a comparison.

        **Raises:** `RunFolderError` if it cannot be made.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"{path} cannot be made: {error}") from None
        return cls(path)

    @classmethod
    def open(cls, path: Path):
        """A folder that a run has made.

        **Raises:** `RunFolderError` if it is none.
        """
        path = Path(path)
        if not (path / RESOLVED).is_file():
            raise RunFolderError(f"{path} is not a run folder: it has no {RESOLVED}")
        return cls(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from running in this folder.

        **Raises:** `RunFolderError` if one does.
        """
        lock = FileLock(self.path / LOCK, blocking=False)
        try:
            lock.acquire()
        except Timeout:
            raise RunFolderError(
                f"another process is running in {self.path}; wait for it or stop it"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def write_text(self, name: str, text: str) -> None:
        """Write a text file."""
        write_atomically(self.path / name, lambda f: f.write(text.encode()))

    def write_json(self, name: str, data: Mapping[str, Any]) -> None:
        """Write a JSON file; NaN is refused."""
        self.write_text(name, json.dumps(data, indent=2, allow_nan=False) + "\n")

    def read_json(self, name: str) -> Any:
        """Read a JSON file.

        **Raises:** `RunFolderError` if it is missing or damaged.
        """
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise RunFolderError(
                f"{self.path / name} cannot be read: {error}"
            ) from None

    def write_segment(self, index: int, arrays: Mapping[str, np.ndarray]) -> None:
        """Write one segment of the saved rows."""
        write_atomically(
            self._segment(index), lambda f: np.savez(f, allow_pickle=False, **arrays)
        )

    def read_segment(self, index: int) -> dict[str, np.ndarray]:
        """One segment of the saved rows.

        **Raises:** `RunFolderError` if it is missing or damaged.
        """
        path = self._segment(index)
        try:
            with np.load(path, allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{path} cannot be read: {error}") from None

    def read_segments(self, rows: int) -> dict[str, np.ndarray]:
        """The first `rows` rows of all segments, and the kept states among them.

        **Raises:** `RunFolderError` if the segments hold fewer.
        """
        parts: list[dict[str, np.ndarray]] = []
        count, index = 0, 0
        while count < rows:
            parts.append(self.read_segment(index))
            count += len(parts[-1]["ts"])
            index += 1
        # By place: a path may be spelled otherwise by the version that began the run.
        columns = zip(*(part.values() for part in parts), strict=True)
        joined = {k: np.concatenate(c) for k, c in zip(parts[-1], columns)}
        last = joined["ts"][rows - 1]
        kept = joined["parameters_ts"] <= last
        return {
            name: value[kept] if name.startswith("parameters") else value[:rows]
            for name, value in joined.items()
        }

    def write_events(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Write events.jsonl, one line a segment."""
        lines = [json.dumps(event, allow_nan=False) for event in events]
        self.write_text(EVENTS, "".join(line + "\n" for line in lines))

    def read_events(self) -> list[dict[str, Any]]:
        """The lines of events.jsonl; none if it is not there yet."""
        try:
            text = (self.path / EVENTS).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines()]

    def write_checkpoint(self, header: Mapping[str, Any], body: bytes) -> None:
        """Write the checkpoint: one line of JSON, then the serialised carry."""
        line = json.dumps(header, allow_nan=False).encode() + b"\n"
        write_atomically(self.path / CHECKPOINT, lambda f: f.write(line + body))

    def read_checkpoint(self) -> tuple[dict[str, Any], io.BytesIO] | None:
        """The header and the rest of the checkpoint; `None` if there is none yet.

        **Raises:** `RunFolderError` if it is damaged.
        """
        try:
            content = (self.path / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None
        line, _, body = content.partition(b"\n")
        try:
            return json.loads(line), io.BytesIO(body)
        except ValueError as error:
            raise RunFolderError(
                f"{self.path / CHECKPOINT} is damaged: {error}"
            ) from None

    def _segment(self, index: int) -> Path:
        return self.path / f"seg-{index:06d}.npz"


def free_folder(stem: str) -> Path:
    """`runs/stem`, or the first of `runs/stem-2`, … that is not there."""
    first = Path("runs") / stem
    path, number = first, 2
    while path.exists():
        path = first.with_name(f"{stem}-{number}")
        number += 1
    return path
