"""The lowest lines: how loud it is, whether there is a voice, how the sources do, how fast and how late."""

from dataclasses import dataclass

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import MODELS
from realtime_cer.records import Snapshot, SourceReport
from realtime_cer.ui import words
from realtime_cer.ui.cells import DASH
from realtime_cer.ui.theme import DIM, FAINT, INK, RIGHT, Panel, bar, bright, dot, width_of, write

_QUIETEST_DB = -60.0
_SILENT_DB = -119.0
_OLD_S = 2.0
_COLOURS = {"live": palette.GOOD, "ended": palette.QUIET, "opening": palette.QUIET}


@dataclass(frozen=True, slots=True)
class Hearing:
    """The meter: share of its length, the level in words, and the voice; None where there is no sound."""

    share: float
    level: str
    voice: bool | None


def hearing(snapshot: Snapshot) -> Hearing:
    """How loud it is, or why nobody knows."""
    heard = snapshot.sound
    if heard is None:
        return Hearing(0.0, words.missing("acoustic", snapshot), None)
    old = snapshot.t - heard.t
    if old > _OLD_S:
        return Hearing(0.0, f"last heard {words.age(old)} ago", None)
    level = f"{max(heard.level_db, _QUIETEST_DB):.0f} dB" if heard.level_db > _SILENT_DB else "silent"
    return Hearing(min(max(1 - heard.level_db / _QUIETEST_DB, 0.0), 1.0), level, heard.voice)


def figures(snapshot: Snapshot) -> str:
    """Engine, rate, latency and losses, on one line."""
    late = snapshot.latency_ms
    ms = f"{late[0]:.0f} / {late[1]:.0f} ms" if late else f"{DASH} ms"
    return f"{engines(snapshot)} · {snapshot.rate:.1f} decisions/s · {ms} (p50 / p95) · {snapshot.dropped} dropped"


def engines(snapshot: Snapshot) -> str:
    """What runs the networks; one word where it is the same for all."""
    names = set(snapshot.engines.values())
    if len(names) == 1:
        return f"engine {names.pop()}"
    each = [f"{words.MODELS[name]} {snapshot.engines[name]}" for name in MODELS if name in snapshot.engines]
    return f"engines {', '.join(each)}" if each else f"engine {DASH}"


def source_text(report: SourceReport) -> str:
    """A source and its state, in words."""
    detail = f" · {report.detail}" if report.detail and report.state not in ("live", "ended") else ""
    lost = f" · {report.dropped} lost" if report.dropped else ""
    return f"{report.kind} {report.name} {report.state}{detail}{lost}"


class SoundView(Panel):
    """The level of the sound and a light for the voice."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "sound", padding=14)
        self.hearing = Hearing(0.0, "", None)

    def show_moment(self, snapshot: Snapshot) -> None:
        """Take the newest level."""
        now = hearing(snapshot)
        if now != self.hearing:
            self.hearing = now
            voice = "" if now.voice is None else ", voice" if now.voice else ", no voice"
            self.say(f"sound: {now.level}{voice}")
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint meter and light."""
        painter = QPainter(self)
        self.ground(painter)
        area, size, now = self.inside(), self.px(14), self.hearing
        middle = area.center().y()
        x = area.left() + write(painter, area, "sound", size, DIM) + size
        if now.voice is None:
            write(painter, QRectF(x, area.top(), area.right() - x, area.height()), now.level, size, FAINT)
            return
        light = width_of("no voice", size) + size * 1.6
        level = width_of("−60 dB", size) + size
        meter = QRectF(x, middle - self.px(4), max(area.right() - x - light - level, 1.0), self.px(8))
        bar(painter, meter, now.share, bright(palette.MODELS[2]))
        write(
            painter,
            QRectF(meter.right(), area.top(), level - size * 0.4, area.height()),
            now.level.replace("-", "−"),
            size,
            DIM,
            align=RIGHT,
        )
        left = area.right() - light + size
        dot(painter, left, middle, size * 0.36, bright(palette.GOOD) if now.voice else palette.QUIET, filled=now.voice)
        text = QRectF(left + size * 0.8, area.top(), area.right() - left, area.height())
        write(painter, text, "voice" if now.voice else "no voice", size, INK if now.voice else FAINT)


class StatusView(Panel):
    """The sources at the left, the figures at the right."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "status", padding=14)
        self.sources: tuple[tuple[str, str], ...] = ()
        self.figures = ""

    def show_moment(self, snapshot: Snapshot) -> None:
        """Take the newest states."""
        # What needs attention comes first, where not all of it fits.
        order = sorted(snapshot.sources, key=lambda one: one.state == "live")
        sources = tuple((source_text(one), _COLOURS.get(one.state, palette.WARN)) for one in order)
        now = figures(snapshot)
        if (sources, now) != (self.sources, self.figures):
            self.sources, self.figures = sources, now
            self.say("; ".join((*(text for text, _ in sources), now)))
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint one line."""
        painter = QPainter(self)
        self.ground(painter)
        area, size = self.inside(), self.px(13)
        needed = sum(width_of(text, size) + size * 2.6 for text, _ in self.sources)
        room = area.width() - width_of(self.figures, size) - size
        if needed <= room or room > area.width() * 0.4:
            write(painter, area, self.figures, size, DIM, align=RIGHT)
        else:
            room = area.width()
        x = area.left()
        for text, colour in self.sources:
            left = area.left() + room - x
            if left < size * 4:
                break
            dot(painter, x + size * 0.35, area.center().y(), size * 0.35, bright(colour))
            ink = DIM if colour != palette.WARN else bright(colour)
            x += write(painter, QRectF(x + size, area.top(), left - size, area.height()), text, size, ink) + size * 2.6
