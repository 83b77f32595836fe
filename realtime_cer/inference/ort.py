"""Networks on ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import Manifest, Tensor, remedy

_DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(int64)": "int64",
}


_PROVIDERS: dict[str, list[Any]] = {
    "cpu": ["CPUExecutionProvider"],
    # TF32 rounds products to ten bits: too coarse to agree with the reference to 1e-3.
    "cuda": [("CUDAExecutionProvider", {"use_tf32": "0"}), "CPUExecutionProvider"],
}
_CUDA_INSTALL = (
    "pip install 'realtime-cer[cuda]' && pip install --force-reinstall --no-deps onnxruntime-gpu"
    " (its files must lie over those of onnxruntime)"
)


def cuda_problem() -> str | None:
    """Why the installed ONNX Runtime cannot use a GPU, with the remedy; None where it can."""
    if "CUDAExecutionProvider" in ort.get_available_providers():
        return None
    return f"cuda is not in the ONNX Runtime that is installed: {_CUDA_INSTALL}"


class OrtEngine:
    """A network on ONNX Runtime.

    Parameters
    ----------
    path, manifest : the network
    threads : of one call on the CPU; they sleep between calls
    backend : "cpu" or "cuda"

    Raises
    ------
    Refused
        The file is no network, is not as its manifest says, or CUDA is not to be had.
    """

    def __init__(
        self, path: Path, manifest: Manifest, threads: int = 1, backend: Literal["cpu", "cuda"] = "cpu"
    ) -> None:
        self.manifest, self.backend = manifest, backend
        problem = cuda_problem() if backend == "cuda" else None
        if problem:
            raise Refused(problem)
        if backend == "cuda" and hasattr(ort, "preload_dlls"):
            ort.preload_dlls()  # CUDA's libraries that came as wheels are found in no other way
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle workers must not spin: two cores are shared by capture, picture and sound.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=_PROVIDERS[backend])
        except Exception as error:  # ONNX Runtime has no public base class for its own errors
            reason = " ".join(str(error).split())[:200]
            raise Refused(f"network file {path} cannot be loaded ({reason}); {remedy(path.parent)}") from None
        # ONNX Runtime takes the CPU without a word where CUDA's libraries do not load.
        if backend == "cuda" and self._session.get_providers()[0] != "CUDAExecutionProvider":
            raise Refused(f"ONNX Runtime cannot load CUDA's libraries: {_CUDA_INSTALL}")
        _compare(path, "input", manifest.inputs, self._session.get_inputs())
        _compare(path, "output", manifest.outputs, self._session.get_outputs())
        if len(manifest.inputs) != 1:
            raise Refused(f"network file {path} has {len(manifest.inputs)} inputs; exactly one is expected")
        self._input = manifest.inputs[0].name
        self._outputs = [tensor.name for tensor in manifest.outputs]
        shape = [size if isinstance(size, int) else 1 for size in manifest.inputs[0].shape]
        try:
            self.run(np.zeros(shape, manifest.inputs[0].dtype))
        except Exception as error:  # as above: an input that the manifest describes wrongly
            reason = " ".join(str(error).split())[:200]
            raise Refused(f"network file {path} does not run as its manifest says ({reason})") from None

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        """Run the network on its one input; gives every output by name."""
        try:
            values = self._session.run(self._outputs, {self._input: batch})
        except Exception as error:  # again no base class; a GPU's failures are RuntimeErrors in every engine
            if self.backend == "cpu":
                raise
            raise RuntimeError(" ".join(str(error).split())[:200]) from error
        return dict(zip(self._outputs, values, strict=True))


def _compare(path: Path, kind: str, promised: Sequence[Tensor], found: Sequence[Any]) -> None:
    """Refuse a network whose tensors differ from its manifest."""
    there = {node.name: (_DTYPES.get(node.type, node.type), tuple(node.shape)) for node in found}
    for tensor in promised:
        if tensor.name not in there:
            raise Refused(f"network file {path} has no {kind} {tensor.name!r}, which its manifest promises")
        dtype, shape = there[tensor.name]
        fits = len(shape) == len(tensor.shape) and all(
            not isinstance(want, int) or want == have for want, have in zip(tensor.shape, shape, strict=True)
        )
        if dtype != tensor.dtype or not fits:
            raise Refused(
                f"network file {path}: {kind} {tensor.name!r} is {dtype} {list(shape)},"
                f" its manifest promises {tensor.dtype} {list(tensor.shape)}"
            )
