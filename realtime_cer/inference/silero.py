"""Silero's voice activity network, run by ONNX Runtime from the file inside the ``silero-vad`` package.

The package itself imports torch; its ONNX file needs none.
"""

import importlib.util
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort

from realtime_cer.errors import Refused
from realtime_cer.inference.mending import Mended, unheard
from realtime_cer.records import SAMPLE_RATE, Floats

BLOCK = 512
"""Samples a call: 32 ms."""

_CONTEXT = 64


class Silero:
    """Probability of speech in consecutive blocks of 512 samples; remembers what came before.

    Parameters
    ----------
    notice : told in one line when the network fails, is opened anew, and works again

    Raises
    ------
    Refused
        The package lacks its network.
    """

    def __init__(self, notice: Callable[[str], None] = unheard) -> None:
        spec = importlib.util.find_spec("silero_vad")
        folders = list(spec.submodule_search_locations or []) if spec else []
        path = Path(folders[0], "data", "silero_vad.onnx") if folders else Path("silero_vad.onnx")
        if not path.is_file():
            raise Refused("the voice activity network is missing: run pip install --force-reinstall silero-vad")
        self._session = Mended("voice detector", lambda: _open(path), notice)
        self._rate = np.array(SAMPLE_RATE, np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros((2, 1, 128), np.float32)
        self._context = np.zeros(_CONTEXT, np.float32)

    def __call__(self, block: Floats) -> float:
        """Probability of speech in (512,) samples.

        Raises
        ------
        EngineFault
            The network has no answer, or one that is no number; begin with ``reset`` afterwards.
        """
        samples = np.concatenate([self._context, block])[np.newaxis]
        feed = {"input": samples, "state": self._state, "sr": self._rate}
        output, self._state = self._session.ask(lambda session: _run(session, feed))
        self._context = samples[0, -_CONTEXT:]
        return float(output[0, 0])


def _open(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def _run(session: ort.InferenceSession, feed: Mapping[str, np.ndarray]) -> list[Any]:
    """The network's outputs, all of them numbers."""
    outputs: list[Any] = session.run(None, feed)
    if not all(np.isfinite(array).all() for array in outputs):
        raise ArithmeticError("its outputs are not numbers")
    return outputs
