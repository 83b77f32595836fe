"""From a backend's name to an engine that may be used: there, built, loaded, and in agreement with the reference."""

import importlib.util
import threading
import time
from collections.abc import Callable
from pathlib import Path

from realtime_cer.errors import Refused
from realtime_cer.inference import cache
from realtime_cer.inference.cuda import Gpu, gpu
from realtime_cer.inference.engine import Engine
from realtime_cer.inference.fallback import GoingOn
from realtime_cer.inference.manifest import Manifest, verified_file
from realtime_cer.inference.ort import OrtEngine, cuda_problem
from realtime_cer.inference.tensorrt import FLAVOURS, Flavour, Progress, TensorrtEngine, need_capability
from realtime_cer.inference.typed import PRECISIONS, Precision
from realtime_cer.inference.verify import LIMITS, verify

_turn = threading.Lock()
"""Engines are opened one at a time: builders measure the GPU, and want it, and a core, to themselves."""


def why_not(backend: str) -> str | None:
    """Why a backend cannot be used on this machine, in a few words with the remedy; None where it can.

    Cheap: libraries are loaded only where a GPU is there.
    """
    try:
        if backend in FLAVOURS:
            usable_gpu(FLAVOURS[backend])
        elif backend == "cuda":
            problem = cuda_problem()
            if problem:
                return problem
            gpu_of(backend)
    except Refused as refusal:
        return str(refusal)
    return None


def usable_gpu(flavour: Flavour) -> Gpu:
    """The GPU on which a flavour of TensorRT can run here.

    Raises
    ------
    Refused
        The library is not installed, no GPU is there, or the library does not know its capability.
    """
    if importlib.util.find_spec(flavour.module) is None:
        flavour.library()  # says so
    there = gpu_of(flavour.name)
    need_capability(flavour, there.capability)
    return there


def gpu_of(what: str) -> Gpu:
    """The first GPU; where there is none the refusal names what wanted it."""
    try:
        return gpu()
    except Refused as refusal:
        raise Refused(f"{what} needs an NVIDIA GPU: {refusal}") from None


def key_of(manifest: Manifest, flavour: Flavour, precision: Precision, there: Gpu) -> cache.Key:
    """Under which key an engine for a GPU is kept."""
    return cache.Key(
        network=manifest.name,
        sha256=manifest.sha256,
        library=flavour.name,
        version=str(flavour.library().__version__),
        gpu=there.name,
        capability=there.capability,
        driver=there.driver,
        precision=precision,
    )


def precisions(backend: str) -> tuple[Precision, ...]:
    """In which precisions a backend runs, in the order in which they are tried."""
    return PRECISIONS if backend in FLAVOURS else ("fp32",)


def open_engine(
    backend: str,
    manifest: Manifest,
    folder: Path,
    reference: Engine,
    notice: Callable[[str], None],
    going_on: GoingOn = lambda: True,
) -> Engine:
    """Open an engine on the GPU, building it where the cache has none, and verify it.

    Half precision comes first; a network that does not agree in it is taken in full precision.

    Parameters
    ----------
    backend : one of ``BACKENDS``, but not "cpu"
    manifest, folder : the network
    reference : the same network on the CPU; it may be running in another thread meanwhile
    notice : told what takes long, and what was refused on the way

    Raises
    ------
    Refused
        It is not there, cannot be built or loaded, or does not agree with the reference.
    """
    while not _turn.acquire(timeout=0.1):
        if not going_on():
            raise Refused(f"opening {backend} was stopped")
    refusals = []
    try:
        for precision in precisions(backend):
            engine = open_unverified(backend, precision, manifest, folder, notice, going_on)
            agreement = verify(engine, reference, LIMITS[precision])
            if agreement.passed:
                return engine
            refusals.append(f"{manifest.name} on {backend} in {precision} is refused: it {agreement}")
            notice(refusals[-1])
    finally:
        _turn.release()
    raise Refused("; ".join(refusals))


def open_unverified(
    backend: str,
    precision: Precision,
    manifest: Manifest,
    folder: Path,
    notice: Callable[[str], None],
    going_on: GoingOn = lambda: True,
) -> Engine:
    """``open_engine`` in one precision and without the verification: for those who verify it themselves."""
    if backend == "cuda":
        return OrtEngine(verified_file(manifest, folder), manifest, backend="cuda")
    flavour = FLAVOURS[backend]
    there = usable_gpu(flavour)
    kept = cache.find(key_of(manifest, flavour, precision, there))
    if kept is not None:
        try:
            return TensorrtEngine(flavour, kept, manifest)
        except Refused as refusal:
            notice(f"{manifest.name}: the engine in the cache is built anew ({refusal})")
    notice(f"{manifest.name}: building its {flavour.name} engine in {precision} for the {there.name}")
    plan, seconds = built(flavour, manifest, folder, precision, there, lambda share: going_on())
    try:
        cache.keep(key_of(manifest, flavour, precision, there), plan, build_s=seconds)
    except Refused as refusal:
        notice(f"{refusal}; this time it runs all the same")
    return TensorrtEngine(flavour, plan, manifest)


def built(
    flavour: Flavour, manifest: Manifest, folder: Path, precision: Precision, there: Gpu, progress: Progress
) -> tuple[bytes, float]:
    """Build an engine in another process; gives it, and the seconds that took."""
    from realtime_cer.inference.building import build_apart

    begun = time.monotonic()
    plan = build_apart(flavour, manifest.name, folder, precision, there.capability, progress)
    return plan, round(time.monotonic() - begun, 1)
