"""``live``: sources from flags, the recogniser over them, and a view or rows."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from realtime_cer.buffers import GRID_S
from realtime_cer.capture.source import Source
from realtime_cer.commands.console import notice, tell_engine, weights_of
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import Perception, load_perception
from realtime_cer.records import Decision

_REDRAW_S = 0.125


@contextlib.contextmanager
def loading(config: Config) -> "Iterator[Future[Perception]]":
    """Load the networks in the background, while the sources are opened.

    Leaving waits for the loading and frees what was loaded: native libraries do not like to be left in the middle.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="loading") as pool:
        future = pool.submit(load_perception, config, background=True, notice=notice)
        try:
            yield future
        finally:
            error = future.exception()
            if error is None:
                future.result().close()
            elif sys.exc_info()[1] is None:  # left before anybody asked for the networks
                raise error


def open_sources(camera: str | None, microphone: str | None, wait: bool) -> list[tuple[str, Source]]:
    """Open what was asked for.

    What was named must be there (or is waited for, with ``wait``); defaults that are not there are left out with a
    notice.

    Raises
    ------
    Refused
        A named source is not there, or nothing at all is.
    """
    sources: list[tuple[str, Source]] = []
    try:
        if camera != "none":
            film = Path(camera) if camera and _is_file(camera) else None
            if film is not None:
                from realtime_cer.capture.media import open_media
                from realtime_cer.capture.player import Player

                media = open_media(film)
                sources.append(("file", Player(media, time.monotonic, sound=microphone is None)))
                if microphone is None:
                    return sources
            else:
                from realtime_cer.capture.camera import open_camera

                with _optional(camera):
                    sources.append(("camera", open_camera(camera or _first_camera(), time.monotonic, wait=wait)))
        if microphone != "none":
            from realtime_cer.capture.microphone import open_microphone

            with _optional(microphone):
                sources.append(("microphone", open_microphone(microphone or "default", time.monotonic, wait=wait)))
        if not sources:
            raise Refused(
                "no camera and no microphone: see realtime-cer devices, or name a file or address with --camera"
            )
    except BaseException:
        for _, source in sources:
            source.close()
        raise
    return sources


@contextlib.contextmanager
def _optional(named: str | None) -> Iterator[None]:
    """Turn the absence of a source that nobody named into a notice."""
    try:
        yield
    except Refused as refusal:
        if named is not None:
            raise
        notice(f"{refusal} (going on without)")


def _first_camera() -> str:
    """The words for the camera that is taken when none is named."""
    from realtime_cer.capture.devices import cameras

    found = cameras()
    return found[0].select if found else "0"


def _is_file(camera: str) -> bool:
    """Whether a camera's name is that of a media file, there or not; devices and their names are none."""
    if "://" in camera or camera.isdigit() or camera.startswith("/dev/"):
        return False
    path = Path(camera)
    if path.suffix or len(path.parts) > 1:
        return True
    try:
        return path.exists()
    except OSError:
        return False


def run_live(
    config: Config,
    *,
    camera: str | None,
    microphone: str | None,
    headless: bool,
    duration_s: float | None,
    wait: bool,
    window: bool = True,
    record: Path | None = None,
) -> int:
    """The ``live`` command; gives the exit code."""
    weights = weights_of(config)
    with contextlib.ExitStack() as stack:
        future = stack.enter_context(loading(config))
        sources = open_sources(camera, microphone, wait)
        for _, source in sources:
            stack.callback(source.close)
        told = _tell_notices(sources, 0)
        tell_engine(config)
        if window and not headless:
            from realtime_cer.commands.window import prepare_window

            prepare_window()
        end: Callable[[], object] | None = None
        if record is None:
            live = Live(config, weights, future, sources)  # the picture is shown while the networks load
        else:
            from realtime_cer.commands.record import end_recording, open_recorder

            perception = future.result()
            recorder = open_recorder(record, sources, config, perception)
            end = partial(end_recording, recorder)
            stack.callback(end)
            live = Live(config, weights, perception, sources, taps=[recorder.tap])
            recorder.begin(live.origin)
        stack.enter_context(live)
        if headless:
            from realtime_cer.sinks.tables import to_json

            for decision in _announced(limited(live, duration_s), sources):
                print(to_json(decision), flush=True)
        else:
            title = " + ".join(source.name for _, source in sources)
            for _ in watch(live, config, weights, duration_s, title, window=window, lost=end):
                pass
        stuck = live.stop()
        if live.rows_lost:
            notice(f"{live.rows_lost} rows were lost: whoever reads them is too slow")
        if stuck:
            notice(f"did not end in time and was left behind: {', '.join(stuck)}")
        _tell_notices(sources, told)
    return 0


def _announced(decisions: Iterator[Decision], sources: Sequence[tuple[str, Source]]) -> Iterator[Decision]:
    """Pass decisions on, and tell on stderr when a source comes to be in another state."""
    known = ["live"] * len(sources)
    for decision in decisions:
        for n, (kind, source) in enumerate(sources):
            status = source.status
            if status.state not in (known[n], "opening", "ended"):
                known[n] = status.state
                notice(f"{kind} {source.name}: {status.state}" + (f", {status.detail}" if status.detail else ""))
        yield decision


def _tell_notices(sources: list[tuple[str, Source]], told: int) -> int:
    """Tell what the sources have to say, but for the lines told before; gives how many those are now."""
    lines = [line for _, source in sources for line in getattr(source, "notices", ())]
    for line in lines[told:]:
        notice(line)
    return len(lines)


def limited(live: Live, duration_s: float | None) -> Iterator[Decision]:
    """The decisions of the first seconds, or all."""
    for decision in live.decisions():
        yield decision
        if duration_s is not None and decision.t + GRID_S - live.origin >= duration_s - 1e-6:
            return


def watch(
    live: Live,
    config: Config,
    weights: FusionWeights,
    duration_s: float | None,
    title: str,
    *,
    window: bool = True,
    lost: Callable[[], object] | None = None,
) -> Iterator[Decision]:
    """Show a running recogniser, in a window where there is a screen and else in the terminal; yields its decisions.

    The terminal is redrawn, or written line by line where it cannot be. Ends also when the window is closed. ``lost``
    is called just before the process ends because the display has gone.
    """
    if window:
        from realtime_cer.ui.screen import screen_available

        missing = screen_available()
        if missing is None:
            from realtime_cer.commands.window import watch_window

            rows = limited(live, duration_s)
            yield from watch_window(live, rows, title=title, rule=config.rule, weights=weights.name, lost=lost)
            return
        notice(f"{missing} (going on in the terminal)")
    from realtime_cer.ui.terminal import TerminalView, plain_line, redrawable

    if not redrawable():
        for decision in _announced(limited(live, duration_s), live.sources):
            print(plain_line(decision), flush=True)
            yield decision
        return
    ended = threading.Event()
    with TerminalView(title=title, rule=config.rule, weights=weights.name) as view:

        def redraw() -> None:
            while not ended.wait(_REDRAW_S):
                view.show(live.snapshot())

        painter = threading.Thread(target=redraw, name="terminal", daemon=True)
        painter.start()
        try:
            yield from limited(live, duration_s)
        finally:
            ended.set()
            painter.join(1.0)
