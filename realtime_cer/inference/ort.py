"""Networks on ONNX Runtime."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import Manifest, Tensor

_DTYPES = {
    "tensor(uint8)": "uint8",
    "tensor(float16)": "float16",
    "tensor(float)": "float32",
    "tensor(int64)": "int64",
}


class OrtEngine:
    """A network on the CPU, on ``threads`` threads that sleep between calls."""

    backend = "cpu"

    def __init__(self, path: Path, manifest: Manifest, threads: int = 1) -> None:
        self.manifest = manifest
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Idle workers must not spin: two cores are shared by capture, picture and sound.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        try:
            self._session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime has no public base class for its own errors
            reason = " ".join(str(error).split())[:200]
            raise Refused(f"network file {path} cannot be loaded ({reason}); restore it or reinstall") from None
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
        values = self._session.run(self._outputs, {self._input: batch})
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
