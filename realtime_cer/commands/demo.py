"""``demo``: the clip that the package brings along, played as if live."""

import contextlib
import time
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.commands.console import Talk, notice, weights_of
from realtime_cer.commands.live import loading
from realtime_cer.commands.results import FILES, Results, usable
from realtime_cer.commands.watching import watch
from realtime_cer.commands.window import prepare_window
from realtime_cer.config import Config
from realtime_cer.pipeline.live import Live

FOLDER = Path("realtime-cer-demo")
"""Where the results go when no folder is named; only this one is replaced without asking."""


def run_demo(out: Path | None, config: Config, *, overwrite: bool = False, window: bool = True) -> int:
    """The ``demo`` command; gives the exit code. What was decided before an interruption is kept."""
    weights = weights_of(config)
    folder = out or FOLDER
    usable(folder, FILES, overwrite or out is None)
    interrupted = False
    with contextlib.ExitStack() as stack:
        future = stack.enter_context(loading(config))
        clip = stack.enter_context(as_file(files("realtime_cer") / "assets" / "demo.mp4"))
        media = open_media(clip)
        if window:
            prepare_window()
        perception = future.result()
        sources = [("file", Player(media, time.monotonic))]
        live = stack.enter_context(Live(config, weights, perception, sources, notice=notice))
        results = stack.enter_context(Results(folder, config, live.origin))

        def finish(interrupted: bool) -> dict[str, Any]:
            return results.finish(
                title="the demo clip, as if live",
                duration_s=last,
                hashes=perception.hashes,
                source={"file": "demo.mp4", "live": True},
                notices=media.notices,
                interrupted=interrupted,
            )

        last = 0.0
        rows = watch(
            live, config, weights, None, "demo clip, played as if live", window=window, lost=lambda: finish(True)
        )
        try:
            for decision in rows:
                results.write(decision)
                last = decision.t - live.origin
        except KeyboardInterrupt:
            interrupted = True
        latency = live.snapshot().latency_ms
        live.stop()
        summary = finish(interrupted)
    _tell(summary, latency, folder.resolve())
    return 130 if interrupted else 0


def _tell(summary: dict[str, Any], latency: tuple[float, float] | None, folder: Path) -> None:
    """The last lines: how it went, and where the results and the picture are."""
    console = Talk()
    named = {name: count for name, count in summary["labels"].items() if count}
    pace = f"; capture to decision {latency[0]:.0f} ms (median), {latency[1]:.0f} ms (p95)" if latency else ""
    console.print(f"{summary['decisions']} decisions in {summary['duration_s']} s{pace}")
    console.print("named: " + (", ".join(f"{name} {count}" for name, count in named.items()) or "nothing"))
    why = ", ".join(f"{reason} {count}" for reason, count in summary["reasons"].items())
    console.print(f"abstained {summary['abstained']} times" + (f": {why}" if why else ""))
    console.print(f"results: {folder}")
    console.print(f"picture: {folder / 'timeline.png'}")
    console.print("next: realtime-cer devices, then realtime-cer live")
