"""``live``: sources from flags, the recogniser over them, and a view or rows."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from realtime_cer.buffers import GRID_S
from realtime_cer.capture.source import Source
from realtime_cer.commands.booth import Attendant, check_kiosk
from realtime_cer.commands.console import notice, put_row, tell_engine, weights_of
from realtime_cer.commands.heart import LOADED, LOADING, RESTART, STOPPING, heart
from realtime_cer.commands.recording import Recording
from realtime_cer.commands.sources import ShiftedClock, open_sources
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import Perception, load_perception
from realtime_cer.records import Decision

if TYPE_CHECKING:
    from realtime_cer.sinks.openmetrics import MetricsServer
    from realtime_cer.sinks.recorder import Recorder
    from realtime_cer.ui.kiosk.booth import Booth

_REDRAW_S = 0.125
_LEAVE_S = 0.5
_DONE, _REFUSED = 0, 2


@contextlib.contextmanager
def loading(config: Config) -> "Iterator[Future[Perception]]":
    """Load the networks in the background, while the sources are opened.

    Leaving waits a moment for the loading and frees what was loaded; what takes longer is left to ``cli.program``.
    """
    future: Future[Perception] = Future()

    def load() -> None:
        try:
            future.set_result(load_perception(config, background=True, notice=notice))
        except BaseException as error:
            future.set_exception(error)

    def free() -> None:
        if future.exception() is None:
            future.result().close()

    threading.Thread(target=load, name="loading", daemon=True).start()
    try:
        yield future
    finally:
        freeing = threading.Thread(target=free, name="freeing", daemon=True)
        freeing.start()
        freeing.join(_LEAVE_S)
        error = future.exception() if future.done() else None
        if error is not None and sys.exc_info()[1] is None:  # left before anybody asked for the networks
            raise error


def run_live(
    config: Config,
    *,
    camera: str | None,
    microphone: str | None,
    headless: bool,
    duration_s: float | None,
    wait: bool,
    window: bool = True,
    record: Recording | None = None,
    metrics: int | None = None,
    kiosk: bool = False,
) -> int:
    """The ``live`` command; gives the exit code: 2 also where the recording is not whole.

    Parameters
    ----------
    config : all that is set in files and by flags that commands share
    camera, microphone, headless, duration_s, wait, record : as the flags
    window : show a window where there is a screen
    metrics : serve OpenMetrics text on this port
    kiosk : wait for sources, and take up the whole screen, which must be there; tell a parent that all is well
    """
    pulse = heart() if kiosk else None
    weights = weights_of(config)
    attendant: Attendant | None = None
    with contextlib.ExitStack() as stack:
        server = None if metrics is None else stack.enter_context(_listening(metrics))
        if kiosk and window and not headless:
            _need_screen()
            check_kiosk(config.kiosk, recording=record is not None)
        if pulse is not None:
            pulse.tell(LOADING)
        future = stack.enter_context(loading(config))
        shifted = ShiftedClock(config.sound_offset_ms)
        sources = open_sources(camera, microphone, wait or kiosk, shifted)
        for _, source in sources:
            stack.callback(source.close)
        told = _tell_notices(sources, 0)
        tell_engine(config)
        if window and not headless:
            from realtime_cer.commands.window import prepare_window

            prepare_window()
        again = partial(load_perception, config, background=True, notice=notice)
        recogniser = partial(Live, config, weights, reload=again, notice=notice)
        end: Callable[[], object] | None = None
        recorder: Recorder | None = None
        if record is None:
            live = recogniser(future, sources)  # the picture is shown while the networks load
        else:
            from realtime_cer.commands.record import end_recording, open_recorder

            perception = future.result()
            recorder = open_recorder(record, sources, config, weights, perception, shifted.facts)
            end = partial(end_recording, recorder)
            stack.callback(end)
            live = recogniser(perception, sources, taps=[recorder.tap])
            recorder.begin(live.origin)
        stack.enter_context(live)
        if server is not None:
            server.begin(live.moment)
        if pulse is not None:
            future.add_done_callback(lambda _: pulse.tell(LOADED))
            stack.callback(pulse.tell, STOPPING)
        if headless:
            rows = _printed(_announced(limited(live, duration_s), sources))
        else:
            title = " + ".join(source.name for _, source in sources)
            if kiosk and window:
                title = "realtime-cer"
                attendant = Attendant(config, live, sources)
            booth = attendant.booth() if attendant is not None else None
            rows = watch(live, config, weights, duration_s, title, window=window, lost=end, booth=booth)
        full = False
        for decision in rows:
            if pulse is not None:
                pulse.beat(decision)
            shifted.look(sources)
            if recorder is not None and recorder.error is not None and not full:
                full = True
                notice(f"the recording is not whole from now on ({recorder.error}); recognition goes on")
        stuck = live.stop()
        if live.rows_lost:
            notice(f"{live.rows_lost} rows were lost: whoever reads them is too slow")
        if stuck:
            notice(f"did not end in time and was left behind: {', '.join(stuck)}")
        _tell_notices(sources, told)
    if attendant is not None and attendant.restarting:
        return RESTART
    return _REFUSED if recorder is not None and recorder.error is not None else _DONE


def _listening(port: int) -> "contextlib.closing[MetricsServer]":
    """A server that holds the port until it is left."""
    from realtime_cer.sinks.openmetrics import MetricsServer

    return contextlib.closing(MetricsServer(port))


def _need_screen() -> None:
    """Refuse to go on in a terminal that nobody looks at: a kiosk starts again until its screen is there."""
    from realtime_cer.ui.screen import screen_available

    missing = screen_available()
    if missing is not None:
        raise Refused(f"{missing}; give --no-window to do without in a kiosk")


def _printed(decisions: Iterator[Decision]) -> Iterator[Decision]:
    """Print each decision as a row, and pass it on."""
    from realtime_cer.sinks.tables import to_json

    for decision in decisions:
        put_row(to_json(decision))
        yield decision


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
    booth: "Booth | None" = None,
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
            from realtime_cer.ui.moment import Looks
            from realtime_cer.why import without

            rows = limited(live, duration_s)
            why = partial(without, weights=weights, rule=config.rule, always_decide=config.always_decide)
            yield from watch_window(
                live,
                rows,
                title=title,
                rule=config.rule.removeprefix("rule"),
                weights=weights.name,
                lost=lost,
                booth=booth,
                looks=Looks(without=why),
            )
            return
        notice(f"{missing} (going on in the terminal)")
    from realtime_cer.ui.terminal import TerminalView, plain_line, redrawable

    if not redrawable():
        for decision in _announced(limited(live, duration_s), live.sources):
            put_row(plain_line(decision))
            yield decision
        return
    ended = threading.Event()
    with TerminalView(title=title, rule=config.rule.removeprefix("rule"), weights=weights.name) as view:

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
