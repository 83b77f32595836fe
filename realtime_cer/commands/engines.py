"""``engines``: build, list, verify and clear the engines for GPUs."""

import argparse
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from realtime_cer.commands.console import Talk, notice
from realtime_cer.errors import Refused

if TYPE_CHECKING:
    from realtime_cer.inference.cuda import Gpu
    from realtime_cer.inference.manifest import Manifest
    from realtime_cer.inference.tensorrt import Flavour
    from realtime_cer.inference.typed import Precision
    from realtime_cer.inference.verify import Agreement

_EXAMPLES = """An engine that is missing is built when it is first needed; this does it beforehand, for this GPU or,
with tensorrt-rtx, for another one that need not be there.

examples:
  realtime-cer engines build                          for the GPU of this machine
  realtime-cer engines build --target 8.6             for GeForce 30 cards, on any machine
  realtime-cer engines build --profile avcer --precision fp32
  realtime-cer engines verify"""

_CURRENT = "current"


def add_arguments(commands: Any, raw: type[argparse.HelpFormatter]) -> None:
    """Add the command and its flags to a parser's commands."""
    parser = commands.add_parser(
        "engines", help="build, list, verify and clear engines for GPUs", epilog=_EXAMPLES, formatter_class=raw
    )
    actions = parser.add_subparsers(dest="action", metavar="build|list|clear|verify", required=True)
    build = actions.add_parser("build", help="build the engines of a set of networks")
    build.add_argument("--precision", choices=["fp16", "fp32"], default="fp16", help="default: fp16")
    build.add_argument(
        "--target",
        default=_CURRENT,
        metavar="current|8.6|8.9|12.0",
        help="compute capability of the GPUs to build for (default: current, the GPU of this machine)",
    )
    build.add_argument(
        "--engine", choices=["tensorrt", "tensorrt-rtx"], help="default: the first that is installed and can"
    )
    verify = actions.add_parser("verify", help="hold every engine that is there against the reference")
    for one in (build, verify):
        one.add_argument("--profile", default="default", metavar="NAME", help="which set of networks")
    actions.add_parser("list", help="show the engines that are kept")
    actions.add_parser("clear", help="remove them all")


def run_engines(options: argparse.Namespace) -> int:
    """The ``engines`` command; gives the exit code, 1 where an engine does not agree with the reference."""
    if options.action == "build":
        return build(options.profile, options.precision, options.target, options.engine)
    if options.action == "verify":
        return verify(options.profile)
    from realtime_cer.inference import cache

    if options.action == "clear":
        removed = cache.clear()
        Talk().print(f"removed {removed} {'engine' if removed == 1 else 'engines'} from {cache.folder()}")
        return 0
    return show()


def build(profile: str, precision: "Precision", target: str, engine: str | None) -> int:
    """Build and keep the engines of a profile's networks; a network that does not hold in fp16 is built in fp32.

    Raises
    ------
    Refused
        The target or the profile is none, the library or the GPU is not there, a network cannot be built, or the cache
        cannot be written.
    """
    from rich.progress import Progress

    from realtime_cer.inference import cache
    from realtime_cer.inference.opening import built, key_of

    if target != _CURRENT and not re.fullmatch(r"\d+\.\d", target):
        raise Refused(f"--target {target!r} is no compute capability: give one such as 8.6, 8.9 or 12.0, or {_CURRENT}")
    folder, manifests = _networks(profile)
    flavour, there = _goal(engine, target)
    talk = Talk()
    for manifest in manifests:
        if cache.find(key_of(manifest, flavour, precision, there)) is not None:
            talk.print(f"{manifest.name:<10}{precision}  is there already")
            continue
        agreement, chosen = _holding(manifest, folder, precision)
        if chosen != precision and cache.find(key_of(manifest, flavour, chosen, there)) is not None:
            talk.print(f"{manifest.name:<10}{chosen}  is there already: it does not hold in {precision}")
            continue
        with Progress(console=Talk(stderr=True), transient=True) as progress:
            task = progress.add_task(f"building {manifest.name}", total=1.0)

            def tell(share: float, progress: Progress = progress, task: Any = task) -> bool:
                progress.update(task, completed=share)
                return True

            plan, seconds = built(flavour, manifest, folder, chosen, there, tell)
        path = cache.keep(key_of(manifest, flavour, chosen, there), plan, build_s=seconds)
        talk.print(
            f"{manifest.name:<10}{chosen}  {len(plan) / 1e6:5.1f} MB in {seconds:.1f} s; as typed, on the CPU, it"
            f" {agreement}; {path.name}"
        )
    talk.print(f"kept in {cache.folder()}")
    return 0


def verify(profile: str) -> int:
    """Print how far each engine is from the reference; 1 where one that is there does not agree."""
    from realtime_cer.inference.engine import GPU_BACKENDS, absent
    from realtime_cer.inference.opening import open_unverified, precisions
    from realtime_cer.inference.ort import OrtEngine
    from realtime_cer.inference.typed import PRECISIONS
    from realtime_cer.inference.verify import LIMITS
    from realtime_cer.inference.verify import verify as hold

    folder, manifests = _networks(profile)
    rows = [("network", "engine", "precision", "difference", "limit", "features", "winners", "verdict")]
    missing = {backend: absent(backend) for backend in GPU_BACKENDS}
    failed = False

    def row(name: str, engine: str, precision: str, agreement: "Agreement") -> None:
        nonlocal failed
        failed |= not agreement.passed
        figures = f"{agreement.difference:.1e}", f"{agreement.limit:g}", f"{agreement.others:.1e}"
        verdict = "agrees" if agreement.passed else "REFUSED"
        rows.append((name, engine, precision, *figures, f"{agreement.winners} other", verdict))

    for manifest in manifests:
        reference = OrtEngine(folder / manifest.file, manifest)
        rows.append((manifest.name, "cpu", "fp32", "", "", "", "", "the reference"))
        if _has_onnx():
            for precision in PRECISIONS:
                row(manifest.name, "cpu, as typed", precision, _typed_agreement(manifest, folder, precision))
        for backend in (one for one in GPU_BACKENDS if missing[one] is None):
            for precision in precisions(backend):
                try:
                    engine = open_unverified(backend, precision, manifest, folder, notice)
                    row(manifest.name, backend, precision, hold(engine, reference, LIMITS[precision]))
                except (Refused, RuntimeError) as error:  # a GPU that fails is told like one that disagrees
                    failed = True
                    notice(f"{manifest.name}: {' '.join(str(error).split())}")
                    rows.append((manifest.name, backend, precision, "", "", "", "", "FAILED"))
    talk = Talk()
    for line in _aligned(rows):
        talk.print(line)
    for reason in filter(None, missing.values()):
        talk.print(f"not verified: {reason}")
    return int(failed)


def show() -> int:
    """Print the engines that are kept, and what else lies in their folder."""
    from realtime_cer.inference import cache

    rows = [("network", "library", "precision", "GPU", "capability", "size", "built in")]
    others, size = [], 0
    for entry in cache.entries():
        size += entry.size
        key = entry.key
        if key is None:
            others.append(entry.path.name)
            continue
        seconds = f"{entry.facts['build_s']} s" if "build_s" in entry.facts else ""
        library = f"{key.library} {key.version}"
        rows.append(
            (key.network, library, key.precision, key.gpu, key.capability, f"{entry.size / 1e6:.1f} MB", seconds)
        )
    talk = Talk()
    for line in _aligned(rows) if len(rows) > 1 else ["no engines are kept"]:
        talk.print(line)
    for name in others:
        talk.print(f"{name}: damaged, or none of this program's: never used; engines clear removes it")
    talk.print(f"{size / 1e6:.1f} MB in {cache.folder()}")
    return 0


def _goal(engine: str | None, target: str) -> "tuple[Flavour, Gpu]":
    """With which library, and for which GPU; for a named capability it is any GPU of that kind."""
    from realtime_cer.inference.cache import ANY
    from realtime_cer.inference.cuda import Gpu
    from realtime_cer.inference.engine import absent
    from realtime_cer.inference.opening import usable_gpu
    from realtime_cer.inference.tensorrt import FLAVOURS, need_capability

    if target == _CURRENT:
        names = [engine] if engine else list(FLAVOURS)
        reasons = {name: absent(name) for name in names}
        able = [name for name in names if reasons[name] is None]
        if not able:
            told = "; ".join(str(reason) for reason in reasons.values())
            raise Refused(f"{told}; with tensorrt-rtx, --target 8.6 builds for a GPU that is not here")
        return FLAVOURS[able[0]], usable_gpu(FLAVOURS[able[0]])
    flavour = FLAVOURS[engine or "tensorrt-rtx"]
    if not flavour.portable:
        raise Refused(f"{flavour.name} builds for the GPU of this machine only: use --engine tensorrt-rtx")
    need_capability(flavour, target)
    return flavour, Gpu(ANY, target, ANY)


def _networks(profile: str) -> "tuple[Path, list[Manifest]]":
    from realtime_cer.inference.manifest import read_manifest, verified_file
    from realtime_cer.inference.profile import read_profile
    from realtime_cer.labels import MODELS

    folder = read_profile(profile).folder
    manifests = [read_manifest(name, folder) for name in MODELS]
    for manifest in manifests:
        verified_file(manifest, folder)
    return folder, manifests


def _holding(manifest: "Manifest", folder: Path, precision: "Precision") -> "tuple[Agreement, Precision]":
    """The precision asked for where the typed network agrees in it on the CPU, else fp32."""
    agreement = _typed_agreement(manifest, folder, precision)
    if agreement.passed or precision == "fp32":
        return agreement, precision
    notice(f"{manifest.name} does not hold in {precision}: it {agreement}; it is built in fp32")
    return _typed_agreement(manifest, folder, "fp32"), "fp32"


def _typed_agreement(manifest: "Manifest", folder: Path, precision: "Precision") -> "Agreement":
    """How far the network that TensorRT is given is from the shipped one, both on ONNX Runtime.

    ONNX Runtime rounds every value to half precision as the typed network says, though it sums in single.
    """
    from realtime_cer.inference.ort import OrtEngine
    from realtime_cer.inference.typed import typed
    from realtime_cer.inference.verify import LIMITS
    from realtime_cer.inference.verify import verify as hold

    path = folder / manifest.file
    with tempfile.TemporaryDirectory(prefix="realtime-cer-") as made:
        copy = Path(made, manifest.file)
        copy.write_bytes(typed(path, precision))
        return hold(OrtEngine(copy, manifest), OrtEngine(path, manifest), LIMITS[precision])


def _has_onnx() -> bool:
    import importlib.util

    return importlib.util.find_spec("onnx") is not None


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Columns as wide as what is in them."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
