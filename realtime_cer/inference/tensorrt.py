"""Networks on TensorRT, in both its flavours: the Python API is the same but for a few words.

Building takes the typed network of ``typed`` and needs a GPU only in the full flavour. Running needs one in both.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.inference.cuda import Lane, row_shape
from realtime_cer.inference.manifest import Manifest
from realtime_cer.inference.vectors import MOST, Answer, Batch, Calls

Progress = Callable[[float], bool]
"""Called with the share that is done; gives whether to go on."""

_WORKSPACE = 1 << 30


@dataclass(frozen=True, slots=True)
class Flavour:
    """One of the two TensorRT libraries; ``portable`` is whether it builds for GPUs that are not there."""

    name: str
    module: str
    portable: bool

    def library(self) -> Any:
        """Import the library.

        Raises
        ------
        Refused
            It is not installed, or cannot be loaded; the line that installs it is named.
        """
        install = f"pip install 'realtime-cer[{self.name}]'"
        try:
            return importlib.import_module(self.module)
        except ModuleNotFoundError as error:
            if error.name != self.module:
                raise Refused(f"{self.name} cannot be loaded ({error}): {install}") from None
            raise Refused(f"{self.name} is not installed: {install}") from None
        except (ImportError, OSError, RuntimeError) as error:  # its own libraries, or CUDA's, are not found
            reason = " ".join(str(error).split())[:160]
            raise Refused(f"{self.name} cannot be loaded ({reason}): {install}") from None


FLAVOURS = {
    "tensorrt": Flavour("tensorrt", "tensorrt", portable=False),
    "tensorrt-rtx": Flavour("tensorrt-rtx", "tensorrt_rtx", portable=True),
}


def need_capability(flavour: Flavour, capability: str) -> None:
    """Refuse a compute capability ("8.6") that the library does not know.

    The full flavour builds for whatever GPU is there, and tells itself where it cannot.
    """
    if not flavour.portable:
        return
    known = flavour.library().ComputeCapability.__members__
    if _member(capability) not in known:
        numbers = sorted(int(member[2:]) for member in known if member[2:].isdigit())
        words = ", ".join(f"{n // 10}.{n % 10}" for n in numbers)
        raise Refused(f"{flavour.name} does not build for compute capability {capability}; it knows {words}")


def build(
    flavour: Flavour, network: bytes, manifest: Manifest, capability: str, progress: Progress | None = None
) -> bytes:
    """Build an engine for batches of 1 to ``MOST``; takes seconds, without holding Python's lock.

    Parameters
    ----------
    network : ONNX as ``typed`` writes it
    capability : the compute capability to build for; the full flavour builds for the GPU that is there, whatever it is
    progress : is told how far it is; building stops where it gives False

    Raises
    ------
    Refused
        The library is missing, does not know the capability, cannot parse the network (the operator is named) or
        build it, or the building was stopped.
    """
    trt = flavour.library()
    need_capability(flavour, capability)
    log = _Log(trt)
    builder = _there(trt.Builder(log.logger), log, "start")
    definition = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(definition, log.logger)
    if not parser.parse(network):
        raise Refused(f"{flavour.name} cannot take network {manifest.name}: {_parse_error(parser)}; use another engine")
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, _WORKSPACE)
    # TF32 rounds products to ten bits: too coarse for what calls itself fp32 and must agree to 1e-3.
    config.clear_flag(trt.BuilderFlag.TF32)
    if flavour.portable:
        config.num_compute_capabilities = 1
        config.set_compute_capability(getattr(trt.ComputeCapability, _member(capability)), 0)
    profile = builder.create_optimization_profile()
    for tensor in manifest.inputs:
        row = row_shape(tensor)
        profile.set_shape(tensor.name, (1, *row), (1, *row), (MOST, *row))
    config.add_optimization_profile(profile)
    monitor = _monitor(trt, progress) if progress else None
    config.progress_monitor = monitor
    plan = builder.build_serialized_network(definition, config)
    if plan is None and monitor is not None and monitor.stopped:
        raise Refused(f"building network {manifest.name} was stopped")
    return bytes(_there(plan, log, f"build network {manifest.name}"))


class TensorrtEngine:
    """A built engine on the GPU. Buffers are pinned; kernels are replayed as CUDA graphs where that is possible.

    Parameters
    ----------
    flavour : the library that built it
    plan : what ``build`` gave
    manifest : what the network promises

    Raises
    ------
    Refused
        The library refuses the plan (another version, another GPU, damaged), or there is no room on the GPU.
    """

    def __init__(self, flavour: Flavour, plan: bytes, manifest: Manifest) -> None:
        trt = flavour.library()
        self.backend, self.manifest = flavour.name, manifest
        self._log = _Log(trt)
        # Held here, because an engine must not outlive the runtime that made it.
        self._runtime = trt.Runtime(self._log.logger)
        self._engine = _there(self._runtime.deserialize_cuda_engine(plan), self._log, "load the engine")
        try:
            self._lane = Lane(manifest, MOST)
            self._calls = Calls(self._lane, manifest)
        except RuntimeError as error:
            raise Refused(f"{self.backend} finds no room on the GPU ({error})") from None
        self._context = _there(self._new_context(trt, flavour), self._log, "prepare the engine")
        for name, address in self._lane.addresses.items():
            if not self._context.set_tensor_address(name, address):
                raise Refused(f"{self.backend}: the engine has no tensor {name!r}, which its manifest promises")
        self._captures = not flavour.portable
        self._rows = 0
        self._replays: dict[int, Callable[[], None] | None] = {}
        tensor = manifest.inputs[0]
        self.run(np.zeros((1, *row_shape(tensor)), tensor.dtype))

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        """Run the network on its one input, at most ``MOST`` rows; gives every output by name.

        Raises
        ------
        RuntimeError
            The GPU or its driver failed; the engine is of no more use.
        """
        outputs = self._calls.run(batch, self._execute)
        self._capture(len(batch))
        return outputs

    def chain(self, batch: Batch) -> Answer:
        """As ``run``; features stay on the device, and those that lie there are taken from there."""
        answer = self._calls.chain(batch, self._execute)
        self._capture(len(batch))
        return answer

    def _execute(self, rows: int) -> None:
        replay = self._replays.get(rows)
        if replay is not None:
            replay()
            return
        if rows != self._rows:
            tensor = self.manifest.inputs[0]
            shape = (rows, *row_shape(tensor))
            if not self._context.set_input_shape(tensor.name, shape):
                raise RuntimeError(f"{self.backend} takes no {tensor.name} of shape {shape}: {self._log.last}")
            self._rows = rows
        self._launch()

    def _launch(self) -> None:
        if not self._context.execute_async_v3(self._lane.stream):
            raise RuntimeError(f"{self.backend} cannot run: {self._log.last}")

    def _capture(self, rows: int) -> None:
        """Record the kernels for batches of so many rows, once such a batch was run."""
        if self._captures and rows not in self._replays:
            self._replays[rows] = self._lane.capture(self._launch)

    def _new_context(self, trt: Any, flavour: Flavour) -> Any:
        if not flavour.portable:
            return self._engine.create_execution_context()
        # This flavour compiles kernels for each shape as it comes, and records its own graphs of them.
        config = self._engine.create_runtime_config()
        config.dynamic_shapes_kernel_specialization_strategy = trt.DynamicShapesKernelSpecializationStrategy.EAGER
        config.cuda_graph_strategy = trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        return self._engine.create_execution_context(config)


class _Log:
    """TensorRT's messages: the last error is kept, nothing is printed."""

    def __init__(self, trt: Any) -> None:
        self.last = ""
        log = self

        class Logger(trt.ILogger):  # type: ignore[misc]  # its base has no types
            def __init__(self) -> None:
                trt.ILogger.__init__(self)

            def log(self, severity: Any, message: str) -> None:
                if severity <= trt.ILogger.ERROR:
                    log.last = " ".join(message.split())[:300]

        self.logger = Logger()


def _monitor(trt: Any, progress: Progress) -> Any:
    """Translate TensorRT's nested phases to the share of the outermost that is done."""

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]  # its base has no types
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped = False
            self._steps: dict[str, tuple[float, float]] = {}
            self._done = 0.0

        def phase_start(self, name: str, parent: str | None, steps: int) -> None:
            begin, width = self._steps.get(parent or "", (0.0, 1.0))
            self._steps[name] = begin, width / max(steps, 1)

        def step_complete(self, name: str, step: int) -> bool:
            begin, width = self._steps.get(name, (0.0, 0.0))
            # Some phases run again and again: what was done stays done.
            self._done = min(max(self._done, begin + (step + 1) * width), 1.0)
            self.stopped = self.stopped or not progress(self._done)
            return not self.stopped

        def phase_finish(self, name: str) -> None:
            self._steps.pop(name, None)

    return Monitor()


def _there(thing: Any, log: _Log, what: str) -> Any:
    """TensorRT gives None where it fails, and logs why."""
    if thing is None:
        raise Refused(f"TensorRT cannot {what}: {log.last or 'it gives no reason'}")
    return thing


def _parse_error(parser: Any) -> str:
    """Operator, node and reason of the first error."""
    error = parser.get_error(0)
    reason = " ".join(error.desc().split())[:160]
    return f"operator {error.node_operator()} of node {error.node_name() or error.node()}: {reason}"


def _member(capability: str) -> str:
    return "SM" + capability.replace(".", "")
