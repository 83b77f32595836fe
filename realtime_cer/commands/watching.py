"""A view over a running recogniser: a window where there is a screen, else the terminal."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from realtime_cer.buffers import GRID_S
from realtime_cer.capture.source import Source, SourceStatus
from realtime_cer.commands.console import notice, put_row
from realtime_cer.commands.desk import LiveDesk
from realtime_cer.commands.ending import interrupted
from realtime_cer.config import Config
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.live import Live
from realtime_cer.records import Decision

if TYPE_CHECKING:
    from realtime_cer.ui.kiosk.booth import Booth

_REDRAW_S = 0.125


def announced(decisions: Iterator[Decision], sources: Sequence[tuple[str, Source]]) -> Iterator[Decision]:
    """Pass decisions on, and tell on stderr when a source comes to be in another state."""
    known = ["live"] * len(sources)
    for decision in decisions:
        for n, (kind, source) in enumerate(sources):
            status = source.status
            if status.state not in (known[n], "opening", "ended"):
                known[n] = status.state
                notice(_told(f"{kind} {source.name}", status))
        yield decision


def _told(name: str, status: SourceStatus) -> str:
    """A status on one line, which has the name of its source once."""
    if status.detail.startswith(name):
        return f"{status.detail} ({status.state})"
    return f"{name}: {status.state}" + (f", {status.detail}" if status.detail else "")


def limited(live: Live, duration_s: float | None) -> Iterator[Decision]:
    """The decisions of the first seconds, or all, until the program is told to end."""
    for decision in live.decisions():
        if interrupted.is_set():
            raise KeyboardInterrupt
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
    desk: LiveDesk | None = None,
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

            looks, rows = config.window, limited(live, duration_s)
            yield from watch_window(
                live,
                rows,
                title=title,
                rule=config.rule.removeprefix("rule"),
                weights=weights.name,
                lost=lost,
                booth=booth,
                desk=desk,
                looks=Looks(
                    theme=looks.theme,
                    language=looks.spoken,
                    smoothing_s=looks.smoothing_s,
                    mirror=None if looks.mirror == "auto" else looks.mirror,
                    size=desk.size if desk is not None else None,
                    without=partial(_without, live),
                    cut=live.cut,
                ),
            )
            return
        notice(f"{missing} (going on in the terminal)")
    from realtime_cer.ui.terminal import TerminalView, plain_line, redrawable
    from realtime_cer.ui.text import text_of

    text = text_of(config.window.spoken)
    if not redrawable():
        for decision in announced(limited(live, duration_s), live.sources):
            put_row(plain_line(decision, text))
            yield decision
        return
    ended = threading.Event()
    with TerminalView(
        title=title,
        rule=config.rule.removeprefix("rule"),
        weights=weights.name,
        language=config.window.spoken,
        smoothing_s=config.window.smoothing_s,
        without=partial(_without, live),
    ) as view:

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


def _without(live: Live, row: Decision) -> Mapping[str, str | None]:
    """What a row would have said without each of its models, by the rule and weights of now."""
    from realtime_cer.why import without

    config, weights = live.steering.settings
    return without(row, weights, config.rule, config.always_decide)
