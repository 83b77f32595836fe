"""The seven compound expressions over the last minute, and what was said."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyqtgraph as pg
from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent, QResizeEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.buffers import GRID_S, HOLDS_STEPS
from realtime_cer.labels import COMPOUND
from realtime_cer.smoothing import Smoothed
from realtime_cer.ui import words
from realtime_cer.ui.moment import Moment
from realtime_cer.ui.panel import Panel
from realtime_cer.ui.text import Text
from realtime_cer.ui.theme import CENTRE, RIGHT, Theme, dot, drawn, faded, width_of, write

SPAN_S = 60.0
_TICKS_S = (60, 50, 40, 30, 20, 10, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A minute of decisions: ``t`` (n,) seconds before now, ``values`` (n, 7) in [0, 1] with NaN where nothing is
    known, and ``spans``: begin, end, and what was said, None for an abstention.
    """

    t: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    spans: tuple[tuple[float, float, str | None], ...]


def series(minute: Sequence[Smoothed], now: float) -> Series:
    """Curves of a minute as it is shown; a row of NaN marks a hole between two rows."""
    held = [one for one in minute if one.t >= now - SPAN_S - GRID_S]
    t = np.array([one.t - now for one in held])
    unknown = (math.nan,) * len(COMPOUND)
    values = np.array([one.compound or unknown for one in held]).reshape(len(held), len(COMPOUND))
    holes = np.flatnonzero(np.diff(t) > HOLDS_STEPS * GRID_S) + 1
    values = np.insert(values, holes, np.nan, axis=0)
    times = np.insert(t, holes, t[holes - 1] + GRID_S if len(holes) else 0.0)
    spans: list[tuple[float, float, str | None]] = []
    for begin, one in zip(t, held, strict=True):
        if spans and spans[-1][2] == one.label and begin - spans[-1][1] < 1.5 * GRID_S:
            spans[-1] = (spans[-1][0], begin + GRID_S, one.label)
        else:
            spans.append((float(begin), float(begin) + GRID_S, one.label))
    return Series(times, values, tuple(spans))


def outline(spans: Sequence[tuple[float, float, str | None]]) -> tuple[list[float], list[float]]:
    """The abstentions as one line of rectangles, from 0 to 1."""
    x: list[float] = []
    y: list[float] = []
    for begin, end, label in spans:
        if label is None:
            x += [begin, begin, end, end]
            y += [0.0, 1.0, 1.0, 0.0]
    return x, y


class CurvesView(Panel):
    """The curves, with a ribbon of what was said under them and the present values beside them."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "curves", padding=18)
        self.series = Series(np.empty(0), np.empty((0, len(COMPOUND))), ())
        self.shown: Smoothed | None = None
        self._plot: Any = pg.PlotWidget(self, background=self.theme.panel)
        self._plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._plot.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._plot.setFrameStyle(0)
        item = self._plot.getPlotItem()
        item.hideButtons()
        item.setMenuEnabled(False)
        item.hideAxis("bottom")
        item.hideAxis("left")
        item.layout.setContentsMargins(0, 0, 0, 0)
        box = item.getViewBox()
        box.setMouseEnabled(x=False, y=False)
        box.setDefaultPadding(0)
        box.disableAutoRange()
        box.setRange(xRange=(-SPAN_S, 0), yRange=(0, 1.02), padding=0)
        self._lines = [pg.InfiniteLine(level, angle=0) for level in (0.25, 0.5, 0.75, 1.0)]
        for line in self._lines:
            item.addItem(line)
        self.band: Any = pg.PlotCurveItem(pen=None, fillLevel=0, antialias=False)
        item.addItem(self.band, ignoreBounds=True)
        self.curves: list[Any] = []
        for _ in COMPOUND:
            curve = pg.PlotCurveItem(antialias=True, connect="finite")
            curve.setSegmentedLineMode("on")
            item.addItem(curve, ignoreBounds=True)
            self.curves.append(curve)
        self._winner: int | None = None
        self.dress(self.theme, self.text)

    def dress(self, theme: Theme, text: Text) -> None:
        """Take colours and language."""
        super().dress(theme, text)
        self._plot.setBackground(theme.panel)
        self.band.setBrush(QColor(theme.band))
        for line in self._lines:
            line.setPen(pg.mkPen(theme.track, width=1))
        self._lay()  # names are as long as the language has them

    def show_moment(self, moment: Moment) -> None:
        """Take the last minute."""
        self.series, self.shown = series(moment.minute, moment.snapshot.t), moment.shown
        winner = COMPOUND.index(self.shown.label) if self.shown and self.shown.label else None
        if winner != self._winner:
            self._winner = winner
            self._pens()
        self.band.setData(*outline(self.series.spans))
        for n, curve in enumerate(self.curves):
            curve.setData(self.series.t, self.series.values[:, n])
        self.tell(self.text.last_minute.format(count=len(self.series.t)))
        self.update()

    def _pens(self) -> None:
        """The winner's curve stands out and lies on top; the others have hairlines, which cost a fifth to draw."""
        hairline = 1 if self.unit < 1.4 else 2
        for n, curve in enumerate(self.curves):
            mine, colour = n == self._winner, palette.COMPOUND[n]
            pen = drawn(colour, self.theme) if mine else faded(colour, self.theme)
            curve.setPen(pg.mkPen(pen, width=2.6 * self.unit if mine else hairline))
            curve.setZValue(2 if mine else 1)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Follow the panel."""
        self._lay()

    def _lay(self) -> None:
        """Place the plot between its scale, its ribbon and the names."""
        place = self._place()
        self._plot.setVisible(place.width() > 30 and place.height() > 20)
        self._plot.setGeometry(place.toRect())
        self._pens()

    def _names(self) -> float:
        """Width of the names and values beside the plot, 0 where there is no room for them."""
        if self.width() <= 480 * self.unit:
            return 0.0
        return max(width_of(name, self._size(), True) for name in self.text.compound) + self._size() * 4.8

    def _size(self) -> int:
        return max(min(self.px(14), int(self.inside().height() / len(COMPOUND) * 0.7)), 1)

    def _place(self) -> QRectF:
        area, names = self.inside(), self._names()
        return QRectF(
            area.left() + self.px(32),
            area.top() + self.px(4),
            area.width() - self.px(32) - (names + self.px(26) if names else 0),
            area.height() - self.px(4) - self.px(38),
        )

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint everything but the curves."""
        painter = QPainter(self)
        self.ground(painter)
        place, small, theme = self._place(), self.px(12), self.theme
        if place.width() < 30 or place.height() < 20:
            return
        for share in (0.0, 0.5, 1.0):
            row = QRectF(place.left() - self.px(32), 0, self.px(24), 2 * small)
            row.moveTop(place.bottom() - share / 1.02 * place.height() - small)
            write(painter, row, words.number(self.text, share, 1 if share % 1 else 0), small, theme.faint, align=RIGHT)
        ribbon = QRectF(place.left(), place.bottom() + self.px(5), place.width(), self.px(10))
        painter.fillRect(ribbon, QColor(theme.track))
        scale = place.width() / SPAN_S
        painter.setClipRect(ribbon)
        for begin, end, label in self.series.spans:
            colour = QColor(theme.calm) if label is None else self.drawn(palette.COMPOUND[COMPOUND.index(label)])
            painter.fillRect(
                QRectF(place.right() + begin * scale, ribbon.top(), (end - begin) * scale, ribbon.height()), colour
            )
        painter.setClipping(False)
        half = self.px(26)
        for t in _TICKS_S[:: 1 if place.width() > 400 * self.unit else 2]:
            at = place.right() - t * scale
            row = QRectF(at - half, ribbon.bottom() + 3 * self.unit, 2 * half, small * 1.5)
            if t == 0:
                row.moveRight(place.right())
            text, align = (self.text.now, RIGHT) if t == 0 else (f"−{t} s", CENTRE)
            write(painter, row, text, small, theme.faint, align=align)
        if self._names():
            self._legend(painter, place)

    def _legend(self, painter: QPainter, place: QRectF) -> None:
        """The names in the order of the classes, with their present values."""
        area, size, theme = self.inside(), self._size(), self.theme
        step = area.height() / len(COMPOUND)
        values = self.shown.compound if self.shown else None
        for n, name in enumerate(self.text.compound):
            row = QRectF(place.right() + self.px(26), area.top() + n * step, 0, step)
            row.setRight(area.right())
            mine = n == self._winner
            dot(painter, row.left() + size * 0.34, row.center().y(), size * 0.34, self.drawn(palette.COMPOUND[n]))
            names = QRectF(row.left() + size * 1.2, row.top(), row.width() - size * 3.6, row.height())
            write(painter, names, name, size, theme.ink if mine else theme.dim, bold=mine)
            value = words.number(self.text, values[n], 2) if values else words.DASH
            write(painter, row, value, size, theme.ink if mine else theme.dim, bold=mine, align=RIGHT)
