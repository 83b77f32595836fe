"""Building an engine in a process of its own, so that a live program neither waits for it nor falls with it.

Parsing a network holds Python's lock for most of a second, and a builder may take gigabytes, or crash: the process
takes all that upon itself, at low priority, and leaves one file. Its progress goes line by line to its standard output.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from realtime_cer.errors import Refused
from realtime_cer.inference.manifest import read_manifest, verified_file
from realtime_cer.inference.tensorrt import FLAVOURS, Flavour, Progress, build
from realtime_cer.inference.typed import Precision, typed


def build_apart(
    flavour: Flavour, name: str, folder: Path, precision: Precision, capability: str, progress: Progress
) -> bytes:
    """Build the engine of a network in another process, and wait for it.

    Parameters
    ----------
    name, folder : which network; its hash is checked
    progress : is told the share that is done; where it gives False the process is ended

    Raises
    ------
    Refused
        As ``tensorrt.build`` does; or the process was stopped, or crashed.
    """
    with tempfile.TemporaryDirectory(prefix="realtime-cer-") as made:
        target = Path(made, "engine")
        words = [flavour.name, name, str(folder), precision, capability, str(target)]
        with (
            Path(made, "errors").open("w+", encoding="utf-8", errors="replace") as errors,
            subprocess.Popen(
                [sys.executable, "-m", "realtime_cer.inference.building", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                creationflags=getattr(subprocess, "BELOW_NORMAL_PRIORITY_CLASS", 0),
                env={**os.environ, "PYTHONIOENCODING": "utf-8"},
            ) as process,
        ):
            assert process.stdout is not None
            try:
                for line in process.stdout:
                    if not progress(float(line)):
                        raise Refused(f"building network {name} was stopped")
            except BaseException:
                process.kill()
                raise
            code = process.wait()
            errors.seek(0)
            told = errors.read().split("\n")
        if code == 0:
            return target.read_bytes()
    if code == 2:
        raise Refused(told[0])
    last = next((line for line in reversed(told) if line.strip()), "it says nothing")
    raise Refused(f"building network {name} with {flavour.name} failed with code {code}: {last.strip()[:200]}")


def main(words: list[str]) -> int:
    """Build what the words say; 2 and one line on standard error where it is refused."""
    flavour, name, folder, precision, capability, target = words
    if hasattr(os, "nice"):
        os.nice(5)
    told = -1.0

    def tell(share: float) -> bool:
        nonlocal told
        if share >= told + 0.01:
            told = share
            print(f"{share:.2f}", flush=True)
        return True

    try:
        tell(0)
        manifest = read_manifest(name, Path(folder))
        chosen: Precision = "fp16" if precision == "fp16" else "fp32"
        network = typed(verified_file(manifest, Path(folder)), chosen)
        Path(target).write_bytes(build(FLAVOURS[flavour], network, manifest, capability, tell))
    except (Refused, ImportError, OSError) as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
