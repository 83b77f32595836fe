"""Feature vectors that stay on the device between two networks.

The first network's rows are put on a shelf in the device's memory, and the second gathers its windows from there. What
travels between them is a handle for each vector. Whoever asks for its numbers gets a copy: the CPU after a fall-back.

Every call of an engine waits for its own results. So a vector whose handle is given out is written, and a row whose
handle was dropped is read by nobody: the two networks need no stream in common, and may be of two libraries.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from realtime_cer.inference.cuda import row_shape
from realtime_cer.inference.engine import Engine
from realtime_cer.inference.manifest import Manifest
from realtime_cer.records import read_only

MOST = 8
"""Rows of the largest batch: so many faces at once."""

FEATURES = "features"
"""The output that another network takes."""


class VectorsLost(RuntimeError):
    """Vectors cannot be copied back: the device that held them is gone."""


_SHELVED = 12 * MOST
"""Vectors on a shelf: the last ten of every face, the next ones, and as many in reserve."""


class Memory(Protocol):
    """A device's memory, by addresses in bytes, and its queue; what fails is a RuntimeError."""

    @property
    def addresses(self) -> Mapping[str, int]:
        """Where the rows of each of a network's tensors lie, by name."""

    def allocate(self, size: int) -> int:
        """Address of so many bytes, there for as long as this object is."""

    def copy(self, target: int, source: int, size: int) -> None:
        """Queue a copy from one place on the device to another."""

    def read(self, source: int, target: npt.NDArray[Any]) -> None:
        """Copy from the device into an array, and wait for it; in any thread."""

    def put(self, name: str, batch: npt.NDArray[Any]) -> None:
        """Queue the copy of a tensor's rows to the device."""

    def take(self, names: Iterable[str], rows: int) -> dict[str, npt.NDArray[Any]]:
        """Wait for all that was queued, and give copies of the first rows of tensors."""


class Kept:
    """One vector on a shelf; ``numpy.asarray`` copies it back. Its row is free once nobody holds this any more.

    ``address`` and ``size``, in bytes, tell where it lies on the device.
    """

    __slots__ = ("_row", "_shelf", "address", "size")

    def __init__(self, shelf: "Shelf", row: int) -> None:
        self._shelf, self._row = shelf, row
        self.address, self.size = shelf.address(row), shelf.size

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> npt.NDArray[Any]:
        """Its numbers; VectorsLost where the device does not give them any more."""
        array = self._shelf.read(self._row)
        return array if dtype is None else array.astype(dtype, copy=False)

    def __del__(self) -> None:
        self._shelf.take_back(self._row)


Vector = npt.NDArray[Any] | Kept
"""(512,) float32, here or on the device."""

Batch = npt.NDArray[Any] | Sequence[Sequence[Vector]]
"""What a network takes: an array, or windows of vectors that are yet to be joined to one."""

Answer = tuple[Mapping[str, npt.NDArray[Any]], Sequence[Vector]]
"""Outputs by name, and the feature vector of each row where the network gives any."""


class Shelf:
    """Room on the device for so many vectors of one shape.

    Parameters
    ----------
    memory : where; held as long as any vector is
    shape, dtype : of one vector
    rows : how many vectors
    """

    def __init__(self, memory: Memory, shape: tuple[int, ...], dtype: str, rows: int) -> None:
        self._memory, self._shape, self._dtype = memory, shape, np.dtype(dtype)
        self.size = math.prod(shape) * self._dtype.itemsize
        self._start = memory.allocate(rows * self.size)
        # First freed, first filled: a face's window then lies in one piece. Its ends may be used by two threads.
        self._free = deque(range(rows))

    def keep(self, source: int, count: int) -> list[Kept] | None:
        """Queue copies of so many rows from where the network wrote them; None where the shelf is full."""
        if len(self._free) < count:
            return None
        kept = [Kept(self, self._free.popleft()) for _ in range(count)]
        for n, vector in enumerate(kept):
            self._memory.copy(vector.address, source + n * self.size, self.size)
        return kept

    def address(self, row: int) -> int:
        """Where a row lies on the device."""
        return self._start + row * self.size

    def read(self, row: int) -> npt.NDArray[Any]:
        """Copy a row back."""
        array = np.empty(self._shape, self._dtype)
        try:
            self._memory.read(self.address(row), array)
        except RuntimeError as error:
            raise VectorsLost(f"features are lost with their device ({error})") from None
        return array

    def take_back(self, row: int) -> None:
        """Let a row be filled again."""
        self._free.append(row)


def gather(memory: Memory, target: int, vectors: Sequence[Kept]) -> None:
    """Queue copies of vectors, one after another; those that lie in one piece are copied as one."""
    start, size = 0, vectors[0].size
    for end in range(1, len(vectors) + 1):
        if end == len(vectors) or vectors[end].address != vectors[end - 1].address + size:
            memory.copy(target + start * size, vectors[start].address, (end - start) * size)
            start = end


def as_array(batch: Batch) -> npt.NDArray[Any]:
    """Join windows to one array, (B, n, 512), with copies back from the device where needed.

    Raises
    ------
    VectorsLost
        A vector's device is gone.
    """
    if isinstance(batch, np.ndarray):
        return batch
    return np.stack([np.stack([np.asarray(vector) for vector in window]) for window in batch])


class Calls:
    """The calls of one network whose tensors lie on a device.

    Parameters
    ----------
    memory : holds the network's tensors, and the shelf for its features where it gives any
    manifest : what the network takes and gives
    """

    def __init__(self, memory: Memory, manifest: Manifest) -> None:
        self._memory = memory
        self._input = manifest.inputs[0]
        self._row = row_shape(self._input)
        self._size = math.prod(self._row[1:]) * np.dtype(self._input.dtype).itemsize
        self._outputs = [tensor.name for tensor in manifest.outputs]
        shelves = [
            Shelf(memory, row_shape(tensor), tensor.dtype, _SHELVED)
            for tensor in manifest.outputs
            if tensor.name == FEATURES
        ]
        self._shelf = shelves[0] if shelves else None

    def run(self, batch: npt.NDArray[Any], execute: Callable[[int], None]) -> dict[str, npt.NDArray[Any]]:
        """Copy in, execute (which is told how many rows), copy everything out."""
        self._put(batch)
        execute(len(batch))
        return self._memory.take(self._outputs, len(batch))

    def chain(self, batch: Batch, execute: Callable[[int], None]) -> Answer:
        """As ``run``; features stay on the device while there is room, and those that lie there are gathered there."""
        rows = len(batch)
        vectors = [] if isinstance(batch, np.ndarray) else [vector for window in batch for vector in window]
        there = [vector for vector in vectors if isinstance(vector, Kept) and vector.size == self._size]
        if there and len(there) == len(vectors) == rows * self._row[0]:
            gather(self._memory, self._memory.addresses[self._input.name], there)
        else:
            self._put(as_array(batch))
        execute(rows)
        kept = self._shelf.keep(self._memory.addresses[FEATURES], rows) if self._shelf else []
        outputs = self._memory.take([name for name in self._outputs if name != FEATURES or kept is None], rows)
        return outputs, list(read_only(outputs[FEATURES])) if kept is None else kept

    def _put(self, array: npt.NDArray[Any]) -> None:
        if array.shape[1:] != self._row or len(array) > MOST:
            raise ValueError(f"{self._input.name} is {list(array.shape)}, not {[f'1 to {MOST}', *self._row]}")
        self._memory.put(self._input.name, array)


@runtime_checkable
class Chained(Engine, Protocol):
    """An engine that takes and gives vectors where they lie."""

    def chain(self, batch: Batch) -> Answer:
        """As ``run``; features are given as vectors only."""


def chained(engine: Engine, batch: Batch) -> Answer:
    """Run any engine so; one that can do no better takes and gives arrays."""
    if isinstance(engine, Chained):
        return engine.chain(batch)
    outputs = engine.run(as_array(batch))
    return outputs, list(read_only(outputs[FEATURES])) if FEATURES in outputs else []
