"""The lowest lines: how loud it is, whether there is a voice, how the sources do, how fast and how late."""

from dataclasses import dataclass

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.records import Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.text import Text
from realtime_cer.ui.theme import RIGHT, bar, dot, width_of, write

_QUIETEST_DB = -60.0
_SILENT_DB = -119.0
_OLD_S = 2.0
_COLOURS = {"live": palette.GOOD, "ended": palette.QUIET, "opening": palette.QUIET, "muted": palette.QUIET}


@dataclass(frozen=True, slots=True)
class Hearing:
    """The meter: share of its length, the level in words, and the voice; None where there is no sound."""

    share: float
    level: str
    voice: bool | None


def hearing(snapshot: Snapshot, text: Text) -> Hearing:
    """How loud it is, or why nobody knows."""
    heard = snapshot.sound
    if heard is None:
        return Hearing(0.0, words.missing(text, "acoustic", snapshot), None)
    old = snapshot.t - heard.t
    if old > _OLD_S:
        return Hearing(0.0, text.last_heard.format(age=words.age(text, old)), None)
    level = f"{max(heard.level_db, _QUIETEST_DB):.0f} dB" if heard.level_db > _SILENT_DB else text.silent
    return Hearing(min(max(1 - heard.level_db / _QUIETEST_DB, 0.0), 1.0), level, heard.voice)


def figures(snapshot: Snapshot, text: Text) -> str:
    """Engine, rate, latency and losses, on one line."""
    late = snapshot.latency_ms
    return text.figures.format(
        engine=words.engines(text, snapshot),
        rate=words.number(text, snapshot.rate, 1),
        ms=f"{late[0]:.0f} / {late[1]:.0f} ms" if late else f"{words.DASH} ms",
        dropped=snapshot.dropped,
    )


class SoundView(Panel):
    """The level of the sound and a light for the voice."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "sound", padding=14)
        self.hearing = Hearing(0.0, "", None)

    def show_moment(self, moment: Moment) -> None:
        """Take the newest level."""
        now = hearing(moment.snapshot, self.text)
        if now != self.hearing:
            self.hearing = now
            self.update()
        voice = "" if now.voice is None else f", {self.text.voice if now.voice else self.text.no_voice}"
        self.tell(f"{self.text.sound}: {now.level}{voice}")

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint meter and light."""
        painter = QPainter(self)
        self.ground(painter)
        area, size, now, theme, text = self.inside(), self.px(14), self.hearing, self.theme, self.text
        middle = area.center().y()
        x = area.left() + write(painter, area, text.sound, size, theme.dim) + size
        if now.voice is None:
            write(painter, QRectF(x, area.top(), area.right() - x, area.height()), now.level, size, theme.dim)
            return
        light = width_of(text.no_voice, size) + size * 1.6
        level = width_of("−60 dB", size) + size
        meter = QRectF(x, middle - self.px(4), max(area.right() - x - light - level, 1.0), self.px(8))
        bar(painter, meter, now.share, self.drawn(palette.MODELS[2]), theme.track)
        write(
            painter,
            QRectF(meter.right(), area.top(), level - size * 0.4, area.height()),
            now.level.replace("-", "−"),
            size,
            theme.dim,
            align=RIGHT,
        )
        left = area.right() - light + size
        light_colour = self.drawn(palette.GOOD if now.voice else palette.QUIET)
        dot(painter, left, middle, size * 0.36, light_colour, filled=now.voice)
        place = QRectF(left + size * 0.8, area.top(), area.right() - left, area.height())
        ink = theme.ink if now.voice else theme.faint
        write(painter, place, text.voice if now.voice else text.no_voice, size, ink)


class StatusView(Panel):
    """What the program does without, and the sources, at the left; the figures at the right."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "status", padding=14)
        self.sources: tuple[tuple[str, str], ...] = ()
        self.rung = ""
        self.figures = ""

    def show_moment(self, moment: Moment) -> None:
        """Take the newest states."""
        snapshot = moment.snapshot
        # What needs attention comes first, where not all of it fits.
        order = sorted(snapshot.sources, key=lambda one: one.state == "live")
        sources = tuple((words.source(self.text, one), _COLOURS.get(one.state, palette.WARN)) for one in order)
        now = (words.rung(self.text, snapshot), sources, figures(snapshot, self.text))
        if now != (self.rung, self.sources, self.figures):
            self.rung, self.sources, self.figures = now
            self.tell("; ".join(part for part in (self.rung, *(text for text, _ in sources), self.figures) if part))
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint one line."""
        painter = QPainter(self)
        self.ground(painter)
        area, size, theme = self.inside(), self.px(13), self.theme
        told = (*(((self.rung, palette.WARN),) if self.rung else ()), *self.sources)
        needed = sum(width_of(text, size) + size * 2.6 for text, _ in told)
        room = area.width() - width_of(self.figures, size) - size
        if needed <= room or (room > area.width() * 0.4 and not self.rung):
            write(painter, area, self.figures, size, theme.dim, align=RIGHT)
        else:
            room = area.width()
        x = area.left()
        for text, colour in told:
            left = area.left() + room - x
            if left < size * 4:
                break
            dot(painter, x + size * 0.35, area.center().y(), size * 0.35, self.drawn(colour))
            ink = theme.dim if colour != palette.WARN else self.drawn(colour)
            x += write(painter, QRectF(x + size, area.top(), left - size, area.height()), text, size, ink) + size * 2.6
