"""What every engine offers, and how one is chosen."""

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import Manifest, engines_folder, read_manifest, remedy, verified_file
from realtime_cer.labels import BASIC

BACKENDS = ("tensorrt", "tensorrt-rtx", "cuda", "cpu")
"""Every backend by name, fastest first: the order in which ``auto`` looks."""

GPU_BACKENDS = BACKENDS[:-1]

# On one core the paper's acoustic network is slower than sound comes in, and its scores grow too old to count. On two
# they do not, and pictures wait hardly longer: the video worker needs a core for short whiles only.
_THREADS = {"acoustic": 2}


class Engine(Protocol):
    """A network ready to run. Not safe for several threads at once: each worker loads its own."""

    @property
    def backend(self) -> str:
        """One of ``BACKENDS``."""

    @property
    def manifest(self) -> Manifest:
        """What the network promises; outputs are checked against it when the engine is loaded."""

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        """Run the network on its one input; gives every output by name.

        Raises
        ------
        EngineFault
            It has no answer to this input, which fits the manifest.
        """


def load(
    name: str,
    backend: str = "auto",
    folder: Path | None = None,
    threads: int | None = None,
    *,
    background: bool = False,
    notice: Callable[[str], None] = lambda line: None,
) -> Engine:
    """Load a network and run it once, so that the first real call is a warm one.

    An engine on a GPU is used only if it agrees with the CPU, and falls back to it where it fails while running. What
    the engine gives are numbers: where the CPU fails as well, that is an ``EngineFault``.

    Parameters
    ----------
    name : "static", "dynamic", "acoustic", or another network with a manifest in ``folder``
    backend : "auto" or one of ``BACKENDS``; ``auto`` takes the fastest that works here and passes verification
    folder : where the manifests are; by default those shipped with the package
    threads : CPU threads for one call; by default two for the acoustic network where there are as many cores, else one
    background : with ``auto``, begin on the CPU at once and change to a better engine when that is open
    notice : told in one line, from any thread, which engine takes over and why

    Raises
    ------
    Refused
        The named backend is not there or does not pass verification, or the network's files are missing, altered or
        of another shape.
    """
    if backend not in ("auto", *BACKENDS):
        raise Refused(f"no engine {backend!r}; choose auto, {', '.join(BACKENDS)}")
    manifest = read_manifest(name, folder)
    given = {tensor.name: tensor.shape[-1] for tensor in manifest.outputs}
    if manifest.name != name:
        raise Refused(f"the manifest of network {name} is that of {manifest.name}: {remedy(folder)}")
    if given.get("probabilities") != len(BASIC) or (name == "static" and "features" not in given):
        raise Refused(f"the manifest of network {name} promises no {len(BASIC)} probabilities, or lacks its features")
    path = verified_file(manifest, folder)
    from realtime_cer.inference.ort import OrtEngine

    if backend not in ("auto", "cpu"):
        missing = absent(backend)
        if missing:
            raise Refused(f"engine {backend} cannot be used: {missing}; or use --engine cpu, or auto")
    if threads is None:
        threads = min(_THREADS.get(name, 1), os.cpu_count() or 1)
    anew = partial(OrtEngine, path, manifest, threads)
    cpu = anew()
    wanted = [one for one in GPU_BACKENDS if backend == one or (backend == "auto" and absent(one) is None)]
    from realtime_cer.inference.fallback import Fallback, Rung
    from realtime_cer.inference.opening import open_engine

    rungs = [Rung(one, partial(open_engine, one, manifest, folder or engines_folder(), cpu, notice)) for one in wanted]
    engine = Fallback(cpu, rungs, notice, anew=anew)
    if backend not in ("auto", "cpu"):
        try:
            engine.put(rungs[0])
        except RuntimeError as error:  # the GPU, or its driver, failed
            raise Refused(f"engine {backend} cannot be used: {' '.join(str(error).split())[:200]}") from None
    elif background:
        engine.climb_apart()
    else:
        engine.climb()
    return engine


def absent(backend: str) -> str | None:
    """Why a backend cannot be used on this machine, in one line with the remedy; None where it can."""
    if backend == "cpu":
        return None
    from realtime_cer.inference.opening import why_not

    return why_not(backend)


def chosen() -> str:
    """Which engine ``auto`` goes for on this machine, and why none that is faster, in one line."""
    from realtime_cer.inference.cuda import driver_installed

    if not driver_installed():
        return "--engine auto takes cpu: no NVIDIA driver is installed"
    reasons = []
    for backend in BACKENDS:
        reason = absent(backend)
        if reason is None:
            break
        reasons.append(reason)
    return f"--engine auto takes {backend}" + (f": {'; '.join(reasons)}" if reasons else ", the fastest")
