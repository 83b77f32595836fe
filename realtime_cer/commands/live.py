"""``live``: sources from flags, the recogniser over them, and a view or rows."""

import contextlib
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_cer.capture.source import Source
from realtime_cer.commands.booth import Attendant, check_kiosk
from realtime_cer.commands.console import notice, put_row, tell_engine, weights_of
from realtime_cer.commands.crashlog import logged
from realtime_cer.commands.desk import LiveDesk
from realtime_cer.commands.heart import HOPELESS, LOADED, LOADING, RESTART, STOPPING, Heart, heart
from realtime_cer.commands.recording import Recording, Terms
from realtime_cer.commands.sources import ShiftedClock, open_sources
from realtime_cer.commands.watching import announced, limited, watch
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.inference.memory import apart, trim
from realtime_cer.kiosk.outages import Outages
from realtime_cer.pipeline.hope import Hope
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import Perception, load_perception
from realtime_cer.records import AudioBlock, Decision, Frame

if TYPE_CHECKING:
    from realtime_cer.sinks.keeper import Keeper
    from realtime_cer.sinks.openmetrics import MetricsServer
    from realtime_cer.sinks.recorder import Recorder

Tap = Callable[[Frame | AudioBlock | Decision], None]

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
            perception = load_perception(config, background=True, notice=notice)
            gc.collect()
            trim()  # what loading took and did not keep
            future.set_result(perception)
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
    keep: Path | None = None,
    terms: Terms | None = None,
    metrics: int | None = None,
    kiosk: bool = False,
    wizard: bool = False,
) -> int:
    """The ``live`` command; gives the exit code: 2 also where the recording is not whole; see ``heart`` for a kiosk's.

    Parameters
    ----------
    config : all that is set in files and by flags that commands share
    camera, microphone, headless, duration_s, wait, record : as the flags
    window : show a window where there is a screen
    keep : hold the last half minute in memory, to be kept below this folder when it is asked for
    terms : on which anything is recorded or kept
    metrics : serve OpenMetrics text on this port
    kiosk : wait for sources, and take up the whole screen, which must be there; tell a parent that all is well
    wizard : let the user pick camera and microphone, also where these are remembered
    """
    pulse = heart() if kiosk else None
    apart()
    weights, terms = weights_of(config), terms or Terms()
    windowed = window and not headless
    troubles: list[str] | None = [] if pulse is not None and pulse.again else None
    desk: LiveDesk | None = None
    recorder: Recorder | None = None
    keeper: Keeper | None = None
    attendant: Attendant | None = None
    with contextlib.ExitStack() as stack:
        if pulse is not None:
            stack.enter_context(logged())
        server = None if metrics is None else stack.enter_context(_listening(metrics))
        if kiosk:
            check_kiosk(config.kiosk, recording=record is not None or keep is not None)
            if windowed:
                _need_screen()
        if pulse is not None:
            pulse.tell(LOADING)
        future = stack.enter_context(loading(config))
        if camera is microphone is None:
            ask = windowed and not (kiosk or duration_s)
            camera, microphone = _picked(config, ask=ask, again=wizard, wait=wait or kiosk)
        shifted = ShiftedClock(config.sound_offset_ms)
        sources = open_sources(camera, microphone, wait or kiosk, shifted)
        for _, source in sources:
            stack.callback(source.close)
        told = _tell_notices(sources, 0)
        tell_engine(config)
        if windowed:
            _prepare_window()
        taps: list[Tap] = []
        end: Callable[[], object] | None = None
        if windowed and not kiosk:
            desk = LiveDesk(config, shifted, future, recorded=record is not None, terms=terms)
            stack.callback(desk.close)
            taps, end = [desk.tap], desk.close
        if keep is not None:
            with _bearing("no moment can be kept", troubles):
                keeper = _keeper(keep, desk, sources, config, weights, shifted, terms)
                stack.callback(keeper.close)
                taps = taps or [keeper.tap]  # a desk passes on to it what it gets
        if record is not None:
            from realtime_cer.commands.record import end_recording, open_recorder

            loaded = future.result()
            with _bearing("nothing is recorded", troubles):
                tell = notice if desk is None else desk.tell
                recorder = open_recorder(record, terms, sources, config, weights, loaded, shifted.facts, tell)
                end = partial(end_recording, recorder)
                stack.callback(end)
                taps = [*taps, recorder.tap]
        again = partial(load_perception, config, background=True, notice=notice)
        # The picture is shown while the networks load; only a recording waits for them, as it tells what they are.
        networks = future if recorder is None else future.result()
        live = Live(config, weights, networks, sources, taps=taps, reload=again, notice=notice, keep_picture=kiosk)
        if recorder is not None:
            recorder.begin(live.origin, live.moment)
        stack.enter_context(live)
        if desk is not None:
            desk.attach(live, recorder, keeper)
        if server is not None:
            server.begin(live.moment)
        if pulse is not None:
            future.add_done_callback(lambda _: pulse.tell(LOADED))
            stack.callback(pulse.tell, STOPPING)
        if headless:
            rows = _printed(announced(limited(live, duration_s), sources))
        else:
            title = " + ".join(source.name for _, source in sources)
            if kiosk and window:
                title = "realtime-cer"
                attendant = Attendant(config, live, keeper)
                for trouble in troubles or ():
                    attendant.note(trouble)
            booth = attendant.booth() if attendant is not None else None
            rows = watch(live, config, weights, duration_s, title, window=window, lost=end, booth=booth, desk=desk)
        lost = _follow(rows, live, shifted, pulse, recorder, attendant)
        stuck = live.stop()
        if live.rows_lost:
            notice(f"{live.rows_lost} rows were lost: whoever reads them is too slow")
        if stuck:
            notice(f"did not end in time and was left behind: {', '.join(stuck)}")
        _tell_notices(sources, told)
    if attendant is not None and attendant.restarting:
        return RESTART
    if lost is not None:
        return HOPELESS
    torn = recorder is not None and recorder.error is not None
    return _REFUSED if torn and pulse is None else _DONE  # a parent would start it again, which mends no recording


def _picked(config: Config, *, ask: bool, again: bool, wait: bool) -> tuple[str | None, str | None]:
    """The words for camera and microphone where none were given."""
    from realtime_cer.commands.wizard import pick_sources

    looks = config.window
    return pick_sources(ask=ask, again=again, wait=wait, theme=looks.theme, language=looks.spoken)


def _prepare_window() -> None:
    from realtime_cer.commands.window import prepare_window

    prepare_window()


@contextlib.contextmanager
def _bearing(what: str, troubles: list[str] | None) -> Iterator[None]:
    """Go on without a folder that is refused, and note that trouble; where there is no list, it is refused."""
    try:
        yield
    except Refused as refusal:
        if troubles is None:
            raise
        troubles.append(f"{what} until the next start")
        notice(f"{troubles[-1]} ({refusal}); recognition goes on")


def _keeper(
    folder: Path,
    desk: LiveDesk | None,
    sources: list[tuple[str, Source]],
    config: Config,
    weights: FusionWeights,
    shifted: ShiftedClock,
    terms: Terms,
) -> "Keeper":
    """A keeper of the moment just gone; where there is a desk it tells what becomes of it, and what is known."""
    from realtime_cer.commands.record import open_keeper, session_facts

    if desk is not None:
        return open_keeper(folder, desk.facts, desk.tell)
    return open_keeper(folder, lambda: session_facts(sources, config, weights, shifted.facts) | terms.facts)


def _follow(
    rows: Iterator[Decision],
    live: Live,
    shifted: ShiftedClock,
    pulse: Heart | None,
    recorder: "Recorder | None",
    attendant: Attendant | None,
) -> str | None:
    """Go through all decisions; gives what only a new process brings back, where that is why they ended."""
    torn, hope = False, Hope(0 if pulse is None else pulse.gave_up)
    outages = Outages() if attendant is None else attendant.outages
    for decision in rows:
        if pulse is not None:
            pulse.beat(decision)
            moment = live.moment()
            outages.look(moment)
            lost = hope.lost(moment)
            if lost is not None:
                notice(f"{lost}: only starting again helps")
                return lost
        shifted.look(live.sources)
        if attendant is not None and recorder is not None and recorder.error is not None and not torn:
            torn = True
            attendant.note("the recording is not whole from now on")  # the screen is for visitors: no paths there
    return None


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


def _tell_notices(sources: list[tuple[str, Source]], told: int) -> int:
    """Tell what the sources have to say, but for the lines told before; gives how many those are now."""
    lines = [line for _, source in sources for line in getattr(source, "notices", ())]
    for line in lines[told:]:
        notice(line)
    return len(lines)
