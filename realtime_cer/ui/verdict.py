"""The winning expression, large, or in words why there is none."""

import time
from dataclasses import dataclass

from PyQt6.QtCore import QRectF
from PyQt6.QtGui import QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import COMPOUND
from realtime_cer.smoothing import shares_of
from realtime_cer.ui import words
from realtime_cer.ui.easing import Eased
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.text import Text
from realtime_cer.ui.theme import RIGHT, bar, dot, fitting, write

_OLD_S = 2.0
"""An older decision is not passed off as the present; there should be five a second."""

_LEAST = 0.005
"""What is less is written as nothing, and nothing is not the strongest."""


@dataclass(frozen=True, slots=True)
class Said:
    """One verdict in words; ``label`` and ``share`` are there where a class is named."""

    kicker: str
    headline: str
    value: str
    label: str | None
    share: float

    @property
    def text(self) -> str:
        """The whole of it on one line."""
        return f"{self.kicker}: {self.headline}" if self.label is None else f"{self.headline} {self.value}"


def said(moment: Moment, text: Text) -> Said:
    """What a moment says."""
    snapshot, shown = moment.snapshot, moment.shown
    decision = snapshot.decision
    if decision is None or shown is None:
        return Said(text.starting, words.waiting(text, snapshot), "", None, 0.0)
    old = snapshot.t - decision.t
    if old > _OLD_S and any(source.state != "ended" for source in snapshot.sources):
        return Said(text.stopped, text.no_decision_for.format(age=words.age(text, old)), "", None, 0.0)
    # While a verdict is held through a row without values, there is no figure to show.
    values = shown.compound
    if shown.label is None:
        values = values or shares_of(decision)
        hint = ""
        best = max(range(len(values)), key=values.__getitem__) if values else 0
        if values and values[best] >= _LEAST:
            hint = text.strongest.format(name=text.compound[best], value=words.number(text, values[best], 2))
        return Said(text.abstains, words.reason(text, shown.reason), hint, None, 0.0)
    share = values[COMPOUND.index(shown.label)] if values else 0.0
    value = words.number(text, share, 2) if values else words.DASH
    return Said(words.pair(text, shown.label), words.name(text, shown.label), value, shown.label, share)


class VerdictView(Panel):
    """The verdict of the newest decision. Abstention has no colour, lighter letters and an empty ring."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "verdict", padding=22)
        self.said = Said("", "", "", None, 0.0)
        self._share = Eased()
        self._share.aim((0.0,), 0.0)

    def show_moment(self, moment: Moment) -> None:
        """Take what the moment says."""
        now = said(moment, self.text)
        if now != self.said:
            self._share.aim((now.share,), time.monotonic(), jump=now.label != self.said.label)
            self.said = now
            self.tell(now.text)
            self.update()

    def moving(self, now: float) -> bool:
        """Whether the bar is."""
        return self._share.moving(now)

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint it."""
        painter = QPainter(self)
        self.ground(painter)
        area, now, theme = self.inside(), self.said, self.theme
        if self.height() < 90 * self.unit:
            self._headline(painter, area, min(self.px(40), round(area.height() * 0.8)))
            return
        small = self.px(16)
        kicker = QRectF(area.left(), area.top(), area.width(), small * 1.5)
        write(painter, kicker, now.kicker, small, theme.dim)
        foot = QRectF(area.left(), area.bottom() - small * 1.5, area.width(), small * 1.5)
        head = QRectF(area.left(), kicker.bottom(), area.width(), foot.top() - kicker.bottom())
        self._headline(painter, head, min(self.px(84), round(head.height() * 0.66)))
        if now.label is None:
            write(painter, foot, now.value, small, theme.dim)
            return
        figure = self.px(62)
        colour = self.drawn(palette.COMPOUND[COMPOUND.index(now.label)])
        track = QRectF(foot.left(), foot.center().y() - self.px(5), max(foot.width() - figure, 1.0), self.px(10))
        bar(painter, track, self._share.at(time.monotonic())[0], colour, theme.track)
        write(painter, foot, now.value, self.px(22), theme.ink, bold=True, align=RIGHT)

    def _headline(self, painter: QPainter, area: QRectF, largest: int) -> None:
        now = self.said
        if now.label is not None:
            size = fitting(now.headline, area.width(), largest, self.px(13))
            colour = self.drawn(palette.COMPOUND[COMPOUND.index(now.label)])
            write(painter, area, now.headline, size, colour, bold=True)
            return
        largest = round(largest * 0.72)
        size = fitting(now.headline, area.width() - largest, largest, self.px(13), bold=False)
        pen = self.drawn(palette.QUIET)
        dot(painter, area.left() + size * 0.42, area.center().y() + size * 0.05, size * 0.3, pen, filled=False)
        write(painter, area.adjusted(size * 1.15, 0, 0, 0), now.headline, size, self.theme.dim)
