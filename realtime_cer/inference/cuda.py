"""The NVIDIA GPU: what is there, and the lane on which an engine's inputs and outputs travel to it and back."""

import ctypes
import math
import sys
import weakref
from collections.abc import Callable, Mapping
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

    Constant addresses are what lets a whole call, copies included, be captured once and replayed.

    Parameters
    ----------
    manifest : names, types and shapes of the tensors; their first dimension is the batch
    most : rows of the largest batch
    """

    def __init__(self, manifest: Manifest, most: int) -> None:
        from cuda.bindings import runtime

        self._cuda = runtime
        self._inputs = [tensor.name for tensor in manifest.inputs]
        self._outputs = [tensor.name for tensor in manifest.outputs]
        self._host: dict[str, npt.NDArray[Any]] = {}
        self._pinned: dict[str, int] = {}
        self.addresses: dict[str, int] = {}
        """Device memory of each tensor by name."""
        freed = ExitStack()
        # Runs when the lane is dropped, also half made; on a lost device freeing fails too, which changes nothing.
        weakref.finalize(self, freed.close)
        self.stream = int(value(runtime.cudaStreamCreateWithFlags(runtime.cudaStreamNonBlocking)))
        freed.callback(runtime.cudaStreamDestroy, self.stream)
        for tensor in (*manifest.inputs, *manifest.outputs):
            shape = (most, *row_shape(tensor))
            size = math.prod(shape) * np.dtype(tensor.dtype).itemsize
            host = int(value(runtime.cudaHostAlloc(size, runtime.cudaHostAllocDefault)))
            freed.callback(runtime.cudaFreeHost, host)
            self.addresses[tensor.name] = int(value(runtime.cudaMalloc(size)))
            freed.callback(runtime.cudaFree, self.addresses[tensor.name])
            memory = (ctypes.c_byte * size).from_address(host)
            self._host[tensor.name] = np.frombuffer(memoryview(memory), np.dtype(tensor.dtype)).reshape(shape)
            self._pinned[tensor.name] = host
        self._freed = freed

    def call(self, batch: npt.NDArray[Any], execute: Callable[[], None]) -> Mapping[str, npt.NDArray[Any]]:
        """Copy in, execute, copy out, wait; gives the outputs by name, the caller's to keep."""
        rows = len(batch)
        self._host[self._inputs[0]][:rows] = batch
        self.queue(rows, execute)
        return self.finish(rows)

    def queue(self, rows: int, execute: Callable[[], None]) -> None:
        """Queue both copies, and between them what ``execute`` queues on the stream."""
        kinds = self._cuda.cudaMemcpyKind
        for name in self._inputs:
            size = self._host[name][:rows].nbytes
            self._copy(self.addresses[name], self._pinned[name], size, kinds.cudaMemcpyHostToDevice)
        execute()
        for name in self._outputs:
            size = self._host[name][:rows].nbytes
            self._copy(self._pinned[name], self.addresses[name], size, kinds.cudaMemcpyDeviceToHost)

    def capture(self, rows: int, execute: Callable[[], None]) -> Callable[[npt.NDArray[Any]], Any] | None:
        """Record a call once; gives what replays it with a batch of so many rows, None where it cannot be recorded.

        A network with loops or branches cannot. Call once before without recording: the first call allocates.
        """
        runtime = self._cuda
        # Thread-local: the other worker may allocate meanwhile.
        mode = runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        value(runtime.cudaStreamBeginCapture(self.stream, mode))
        try:
            self.queue(rows, execute)
        except RuntimeError:
            runtime.cudaStreamEndCapture(self.stream)
            runtime.cudaGetLastError()  # reading it clears it
            return None
        graph = value(runtime.cudaStreamEndCapture(self.stream))
        replayed = value(runtime.cudaGraphInstantiate(graph, 0))
        value(runtime.cudaGraphDestroy(graph))
        self._freed.callback(runtime.cudaGraphExecDestroy, replayed)

        def replay(batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
            self._host[self._inputs[0]][:rows] = batch
            value(runtime.cudaGraphLaunch(replayed, self.stream))
            return self.finish(rows)

        return replay

    def finish(self, rows: int) -> Mapping[str, npt.NDArray[Any]]:
        """Wait for what was queued; gives copies of the outputs."""
        value(self._cuda.cudaStreamSynchronize(self.stream))
        return {name: self._host[name][:rows].copy() for name in self._outputs}

    def _copy(self, target: int, source: int, size: int, kind: Any) -> None:
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
