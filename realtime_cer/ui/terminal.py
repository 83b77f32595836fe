"""The view of ``live`` and ``demo`` in a terminal: draws the newest snapshot, and nothing else. No threads."""

import contextlib
import time
from dataclasses import replace
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.text import Text

from realtime_cer.buffers import GRID_S
from realtime_cer.labels import MODELS
from realtime_cer.records import Decision, Snapshot
from realtime_cer.smoothing import DEFAULT_S
from realtime_cer.ui import words
from realtime_cer.ui.layout import Heading, draw
from realtime_cer.ui.moment import Presenter, Without, row_shown
from realtime_cer.ui.text import ENGLISH, text_of
from realtime_cer.ui.text import Text as Words

_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"  # one picture at a time, on terminals that can; others ignore it
_ANEW_S = 5.0


def redrawable(console: Console | None = None) -> bool:
    """Whether standard output is a terminal that can be redrawn; if not, print ``plain_line`` for each decision."""
    console = console or Console()
    return console.is_terminal and not console.is_dumb_terminal and not console.legacy_windows


class TerminalView:
    """The whole terminal, redrawn by the caller about eight times a second.

    Only lines that changed are written. Nobody else may write to the terminal meanwhile; should a native library do
    so all the same, the next full drawing, every five seconds, repairs it.

    Parameters
    ----------
    title, rule, weights : shown in the first line
    console : where to draw; standard output by default
    language : such as "de"; the user's by default
    smoothing_s, without : as in the window, see ``ui.moment.Looks``
    """

    def __init__(
        self,
        title: str,
        rule: str,
        weights: str,
        console: Console | None = None,
        language: str | None = None,
        smoothing_s: float = DEFAULT_S,
        without: Without | None = None,
    ) -> None:
        self._heading = Heading(title, rule, weights, text_of(language), smoothing_s)
        self._presenter = Presenter(smoothing_s, without)
        self._console = console or Console(highlight=False)
        self._shown: list[str] = []
        self._size = (0, 0)
        self._anew = 0.0
        self._alternate = False

    def __enter__(self) -> Self:
        if redrawable(self._console):
            self._alternate = self._console.set_alt_screen(True)
            self._console.show_cursor(False)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._alternate:
            with contextlib.suppress(OSError, ValueError):  # a terminal that was closed needs no tidying
                self._console.show_cursor(True)
                self._console.set_alt_screen(False)
            self._alternate = False

    def show(self, snapshot: Snapshot) -> None:
        """Draw a snapshot."""
        width, height = self._console.size
        rows = self._rows(snapshot, width, height)
        now = time.monotonic()
        resized = (width, height) != self._size
        if resized:
            self._shown = []
        everything = resized or now >= self._anew
        out = ["\x1b[2J"] if resized else []
        for n in range(max(len(rows), len(self._shown))):
            row = rows[n] if n < len(rows) else ""
            if everything or n >= len(self._shown) or row != self._shown[n]:
                out.append(f"\x1b[{n + 1};1H\x1b[0m\x1b[2K{row}")
        if everything:
            self._size, self._anew = (width, height), now + _ANEW_S
        self._shown = rows
        if out:
            self._console.file.write(f"{_BEGIN}{''.join(out)}{_END}")
            self._console.file.flush()

    def _rows(self, snapshot: Snapshot, width: int, height: int) -> list[str]:
        """Rows of the screen with their escape codes."""
        console = self._console
        colour = console.color_system is not None and not console.no_color
        moment = self._presenter.moment(snapshot)
        screen = draw(
            replace(snapshot, decision=row_shown(moment)),
            self._heading,
            width,
            height,
            colour=colour,
            pictures=colour and console.color_system == "truecolor",
            ascii_only=not console.encoding.lower().startswith("utf"),
            without=moment.without,
        )
        with console.capture() as captured:
            console.print(Text("\n").join(screen.lines), soft_wrap=True, highlight=False, markup=False, end="")
        rows = captured.get().split("\n")
        for top, column, cells in screen.pictures:
            for n, row in enumerate(cells):
                if top + n < len(rows):
                    rows[top + n] += f"\x1b[{column + 1}G{row}"
        return rows


def plain_line(decision: Decision, text: Words = ENGLISH) -> str:
    """One short line for a decision, without any escape codes."""
    when = f"{decision.seq * GRID_S:7.1f} s"
    if decision.label is None:
        return f"{when}  {text.abstains}: {words.reason(text, decision.reason)}"
    best = words.strongest(decision)
    shares = [
        f"{text.models[name]} {decision.contributions[name] * 100:.0f} %"
        for name in MODELS
        if name in decision.contributions
    ]
    value = words.number(text, best[1] if best else 0.0, 2)
    return f"{when}  {words.name(text, decision.label)} {value}  ({', '.join(shares)})"
