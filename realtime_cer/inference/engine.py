"""What every engine offers, and how one is chosen."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import Manifest, read_manifest, verified_file
from realtime_cer.labels import BASIC

BACKENDS = ("tensorrt", "tensorrt-rtx", "cuda", "cpu")
"""Every backend by name, fastest first: the order in which ``auto`` looks."""

AVAILABLE = ("cpu",)
"""The backends that this version has."""


class Engine(Protocol):
    """A network ready to run. Not safe for several threads at once: each worker loads its own."""

    @property
    def backend(self) -> str:
        """One of ``BACKENDS``."""

    @property
    def manifest(self) -> Manifest:
        """What the network promises; outputs are checked against it when the engine is loaded."""

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        """Run the network on its one input; gives every output by name."""


def load(name: str, backend: str = "auto", folder: Path | None = None, threads: int = 1) -> Engine:
    """Load a network and run it once, so that the first real call is a warm one.

    Parameters
    ----------
    name : "static", "dynamic", "acoustic", or another network with a manifest in ``folder``
    backend : "auto" or one of ``BACKENDS``; ``auto`` takes the fastest that is there
    folder : where the manifests are; by default those shipped with the package
    threads : CPU threads for one call

    Raises
    ------
    Refused
        The backend is not there, or the network's files are missing, altered or of another shape.
    """
    chosen = AVAILABLE[0] if backend == "auto" else backend
    if chosen not in BACKENDS:
        raise Refused(f"no engine {backend!r}; choose auto, {', '.join(BACKENDS)}")
    if chosen not in AVAILABLE:
        raise Refused(f"engine {chosen} is not in this version; use --engine cpu, or auto")
    manifest = read_manifest(name, folder)
    given = {tensor.name: tensor.shape[-1] for tensor in manifest.outputs}
    if manifest.name != name:
        raise Refused(f"the manifest of network {name} is that of {manifest.name}: restore it or reinstall the package")
    if given.get("probabilities") != len(BASIC) or (name == "static" and "features" not in given):
        raise Refused(f"the manifest of network {name} promises no {len(BASIC)} probabilities, or lacks its features")
    path = verified_file(manifest, folder)
    from realtime_cer.inference.ort import OrtEngine

    return OrtEngine(path, manifest, threads)
