"""The NVIDIA GPU: what is there, and the lane on which an engine's inputs and outputs travel to it and back."""

import ctypes
import math
import sys
import weakref
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import Manifest, Tensor


@dataclass(frozen=True, slots=True)
class Gpu:
    """The first GPU: its name, compute capability ("8.6") and the CUDA version that its driver speaks ("13.0")."""

    name: str
    capability: str
    driver: str


def gpu() -> Gpu:
    """Ask the driver for the first GPU.

    Raises
    ------
    Refused
        No driver, no GPU that answers, or the package ``cuda-bindings`` is missing.
    """
    try:
        from cuda.bindings import driver
    except ImportError:
        raise Refused("the package cuda-bindings is missing: pip install cuda-bindings") from None
    try:
        value(driver.cuInit(0))
        device = value(driver.cuDeviceGet(0))
        name = value(driver.cuDeviceGetName(128, device)).split(b"\0")[0].decode()
        attributes = driver.CUdevice_attribute
        major = value(driver.cuDeviceGetAttribute(attributes.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device))
        minor = value(driver.cuDeviceGetAttribute(attributes.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device))
        version = value(driver.cuDriverGetVersion())
    except RuntimeError as error:
        # Where there is no driver's library at all, a kind of its own tells so at length.
        reason = str(error) if type(error) is RuntimeError else "its driver is not installed"
        raise Refused(f"no NVIDIA GPU answers ({reason})") from None
    return Gpu(name, f"{major}.{minor}", f"{version // 1000}.{version % 1000 // 10}")


def driver_installed() -> bool:
    """Whether the driver's library is there, with or without a GPU; asks for no package."""
    try:
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return False
    return True


def value(result: tuple[Any, ...]) -> Any:
    """What a CUDA call gave; raises RuntimeError with the error's name where it failed."""
    error, *values = result
    if error:
        raise RuntimeError(error.name)
    return values[0] if values else None


class Lane:
    """One stream, with pinned and device memory for every tensor of a network, each at one address for ever.

    Constant addresses are what lets a network's kernels be captured once and replayed.

    Parameters
    ----------
    manifest : names, types and shapes of the tensors; their first dimension is the batch
    most : rows of the largest batch
    """

    def __init__(self, manifest: Manifest, most: int) -> None:
        from cuda.bindings import runtime

        self._cuda = runtime
        self._kinds = runtime.cudaMemcpyKind
        self._host: dict[str, npt.NDArray[Any]] = {}
        self.addresses: dict[str, int] = {}
        """Device memory of each tensor by name."""
        freed = ExitStack()
        # Runs when the lane is dropped, also half made; on a lost device freeing fails too, which changes nothing.
        weakref.finalize(self, freed.close)
        self._freed = freed
        self.stream = int(value(runtime.cudaStreamCreateWithFlags(runtime.cudaStreamNonBlocking)))
        freed.callback(runtime.cudaStreamDestroy, self.stream)
        for tensor in (*manifest.inputs, *manifest.outputs):
            shape = (most, *row_shape(tensor))
            size = math.prod(shape) * np.dtype(tensor.dtype).itemsize
            host = int(value(runtime.cudaHostAlloc(size, runtime.cudaHostAllocDefault)))
            freed.callback(runtime.cudaFreeHost, host)
            self.addresses[tensor.name] = self.allocate(size)
            memory = (ctypes.c_byte * size).from_address(host)
            self._host[tensor.name] = np.frombuffer(memoryview(memory), np.dtype(tensor.dtype)).reshape(shape)

    def allocate(self, size: int) -> int:
        """Address of so much device memory, freed with the lane."""
        address = int(value(self._cuda.cudaMalloc(size)))
        self._freed.callback(self._cuda.cudaFree, address)
        return address

    def put(self, name: str, batch: npt.NDArray[Any]) -> None:
        """Queue the copy of an input to the device."""
        pinned = self._host[name][: len(batch)]
        pinned[:] = batch
        self._queue(self.addresses[name], pinned.ctypes.data, pinned.nbytes, self._kinds.cudaMemcpyHostToDevice)

    def copy(self, target: int, source: int, size: int) -> None:
        """Queue a copy on the device."""
        self._queue(target, source, size, self._kinds.cudaMemcpyDeviceToDevice)

    def take(self, names: Iterable[str], rows: int) -> dict[str, npt.NDArray[Any]]:
        """Copy these outputs back, and wait for all that was queued; the arrays are the caller's to keep."""
        pinned = {name: self._host[name][:rows] for name in names}
        for name, array in pinned.items():
            self._queue(array.ctypes.data, self.addresses[name], array.nbytes, self._kinds.cudaMemcpyDeviceToHost)
        value(self._cuda.cudaStreamSynchronize(self.stream))
        return {name: array.copy() for name, array in pinned.items()}

    def read(self, source: int, target: npt.NDArray[Any]) -> None:
        """Copy from the device into an array, at once."""
        value(self._cuda.cudaMemcpy(target.ctypes.data, source, target.nbytes, self._kinds.cudaMemcpyDeviceToHost))

    def capture(self, execute: Callable[[], None]) -> Callable[[], None] | None:
        """Record what ``execute`` queues; gives what queues it again at once, None where it cannot be recorded.

        A network with loops or branches cannot, and some drivers tell that only at the end. Call once before without
        recording: the first call allocates.
        """
        runtime = self._cuda
        # Thread-local: the other worker may allocate meanwhile.
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        try:
            value(runtime.cudaStreamBeginCapture(self.stream, mode))
            try:
                execute()
            finally:
                ended = runtime.cudaStreamEndCapture(self.stream)
            graph = value(ended)
            try:
                replayed = value(runtime.cudaGraphInstantiate(graph, 0))
            finally:
                runtime.cudaGraphDestroy(graph)
        except RuntimeError:
            runtime.cudaGetLastError()  # reading it clears it
            return None
        self._freed.callback(runtime.cudaGraphExecDestroy, replayed)

        def replay() -> None:
            value(runtime.cudaGraphLaunch(replayed, self.stream))

        return replay

    def _queue(self, target: int, source: int, size: int, kind: Any) -> None:
        value(self._cuda.cudaMemcpyAsync(target, source, size, kind, self.stream))


def row_shape(tensor: Tensor) -> tuple[int, ...]:
    """Shape of one row of a tensor: all but the batch dimension, which must all be fixed.

    Raises
    ------
    Refused
        Another dimension than the batch is free.
    """
    row = tensor.shape[1:]
    fixed = tuple(size for size in row if isinstance(size, int))
    if len(fixed) != len(row):
        raise Refused(f"tensor {tensor.name!r} is {list(tensor.shape)}: only its batch may be free on a GPU")
    return fixed
