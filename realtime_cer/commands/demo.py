"""``demo``: the clip that the package brings along, played as if live."""

import contextlib
import time
from importlib.resources import as_file, files
from pathlib import Path

from rich.console import Console

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.commands.live import loading, watch
from realtime_cer.commands.results import Results, prepare_folder
from realtime_cer.config import Config, load_weights
from realtime_cer.pipeline.live import Live


def run_demo(out: Path, config: Config, *, window: bool = True) -> int:
    """The ``demo`` command; gives the exit code."""
    console = Console(highlight=False)
    weights = load_weights(config.weights)
    prepare_folder(out, overwrite=True)
    with contextlib.ExitStack() as stack:
        future = stack.enter_context(loading(config))
        clip = stack.enter_context(as_file(files("realtime_cer") / "assets" / "demo.mp4"))
        media = open_media(clip)
        perception = future.result()
        live = stack.enter_context(Live(config, weights, perception, [("file", Player(media, time.monotonic))]))
        results = stack.enter_context(Results(out, config, live.origin))
        last = 0.0
        for decision in watch(live, config, weights, None, "demo clip, played as if live", window=window):
            results.write(decision)
            last = decision.t - live.origin
        latency = live.snapshot().latency_ms
        summary = results.finish(
            title="the demo clip, as if live",
            duration_s=last,
            hashes=perception.hashes,
            source={"file": "demo.mp4", "live": True},
            notices=media.notices,
            interrupted=False,
        )
    named = {name: count for name, count in summary["labels"].items() if count}
    console.print(
        f"{summary['decisions']} decisions in {summary['duration_s']} s"
        + (f"; capture to decision {latency[0]:.0f} ms (median), {latency[1]:.0f} ms (p95)" if latency else "")
    )
    console.print("named: " + (", ".join(f"{name} {count}" for name, count in named.items()) or "nothing"))
    console.print(f"abstained {summary['abstained']} times")
    console.print(f"results: {out.resolve()}", soft_wrap=True)
    console.print(f"picture: {(out / 'timeline.png').resolve()}", soft_wrap=True)
    console.print("next: realtime-cer devices, then realtime-cer live", soft_wrap=True)
    return 0
