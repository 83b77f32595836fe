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
from realtime_cer.buffers import GRID_S
from realtime_cer.labels import COMPOUND
from realtime_cer.records import Decision, Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.cells import DASH
from realtime_cer.ui.theme import CENTRE, DIM, FAINT, INK, PANEL, RIGHT, TRACK, Panel, bright, dot, faded, write

SPAN_S = 60.0
_TICKS_S = (60, 50, 40, 30, 20, 10, 0)
_ABSTENTION = "#59616d"


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A minute of decisions: ``t`` (n,) seconds before now, ``values`` (n, 7) in [0, 1] with NaN where nothing is
    known, and ``spans``: begin, end, and what was said, None for an abstention.
    """

    t: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    spans: tuple[tuple[float, float, str | None], ...]


def series(history: Sequence[Decision], now: float) -> Series:
    """Curves of decisions; a row of NaN marks a hole between two of them.

    With weights for whole models everything is smaller, so values are shares of all the probability there is.
    """
    held = [one for one in history if one.t >= now - SPAN_S - GRID_S]
    t = np.array([one.t - now for one in held])
    unknown = (math.nan,) * len(COMPOUND)
    values = np.array([one.compound or unknown for one in held]).reshape(len(held), len(COMPOUND))
    totals = np.array([sum(one.basic) if one.basic else math.nan for one in held])
    # Rules and weights may leave nothing at all, which is no share of anything.
    values /= np.where(totals > 0, totals, math.nan)[:, None]
    holes = np.flatnonzero(np.diff(t) > 1.5 * GRID_S) + 1
    values = np.insert(values, holes, np.nan, axis=0)
    times = np.insert(t, holes, t[holes - 1] + GRID_S if len(holes) else 0.0)
    spans: list[tuple[float, float, str | None]] = []
    for begin, one in zip(t, held, strict=True):
        if spans and spans[-1][2] == one.label and begin - spans[-1][1] < 0.5 * GRID_S:
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
        super().__init__(parent, "curves", padding=14)
        self.series = Series(np.empty(0), np.empty((0, len(COMPOUND))), ())
        self.decision: Decision | None = None
        self._plot: Any = pg.PlotWidget(self, background=PANEL)
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
        for level in (0.25, 0.5, 0.75, 1.0):
            item.addItem(pg.InfiniteLine(level, angle=0, pen=pg.mkPen(TRACK, width=1)))
        self.band: Any = pg.PlotCurveItem(pen=None, fillLevel=0, brush=QColor(255, 255, 255, 18), antialias=False)
        item.addItem(self.band, ignoreBounds=True)
        self.curves: list[Any] = []
        for _ in COMPOUND:
            curve = pg.PlotCurveItem(antialias=True, connect="finite")
            curve.setSegmentedLineMode("on")
            item.addItem(curve, ignoreBounds=True)
            self.curves.append(curve)
        self._strongest: int | None = None
        self._pens()

    def show_moment(self, snapshot: Snapshot) -> None:
        """Take the last minute."""
        self.series, self.decision = series(snapshot.history, snapshot.t), snapshot.decision
        best = words.strongest(self.decision) if self.decision and self.decision.label else None
        strongest = COMPOUND.index(best[0]) if best else None
        if strongest != self._strongest:
            self._strongest = strongest
            self._pens()
        self.band.setData(*outline(self.series.spans))
        for n, curve in enumerate(self.curves):
            curve.setData(self.series.t, self.series.values[:, n])
        self.say(f"{len(self.series.t)} decisions in the last minute")
        self.update()

    def _pens(self) -> None:
        """The winner's curve stands out and lies on top; the others have hairlines, which cost a fifth to draw."""
        hairline = 1 if self.unit < 1.4 else 2
        for n, curve in enumerate(self.curves):
            mine = n == self._strongest
            colour = bright(palette.COMPOUND[n])
            curve.setPen(pg.mkPen(colour if mine else faded(colour), width=2.6 * self.unit if mine else hairline))
            curve.setZValue(2 if mine else 1)

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """Place the plot between its scale, its ribbon and the names."""
        place = self._place()
        self._plot.setVisible(place.width() > 30 and place.height() > 20)
        self._plot.setGeometry(place.toRect())
        self._pens()

    def _place(self) -> QRectF:
        area = self.inside()
        legend = self.px(280) if self.width() > 560 * self.unit else 0
        return QRectF(
            area.left() + self.px(38),
            area.top() + self.px(4),
            area.width() - self.px(38) - legend,
            area.height() - self.px(4) - self.px(42),
        )

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint everything but the curves."""
        painter = QPainter(self)
        self.ground(painter)
        place, small = self._place(), self.px(12)
        if place.width() < 30 or place.height() < 20:
            return
        for share in (0.0, 0.5, 1.0):
            y = place.bottom() - share / 1.02 * place.height()
            write(
                painter,
                QRectF(place.left() - 38 * self.unit, y - small, 30 * self.unit, 2 * small),
                f"{share:g}",
                small,
                FAINT,
                align=RIGHT,
            )
        ribbon = QRectF(place.left(), place.bottom() + self.px(5), place.width(), self.px(9))
        painter.fillRect(ribbon, QColor(TRACK))
        scale = place.width() / SPAN_S
        painter.setClipRect(ribbon)
        for begin, end, label in self.series.spans:
            colour = QColor(_ABSTENTION) if label is None else bright(palette.COMPOUND[COMPOUND.index(label)])
            painter.fillRect(
                QRectF(place.right() + begin * scale, ribbon.top(), (end - begin) * scale, ribbon.height()),
                colour,
            )
        painter.setClipping(False)
        for t in _TICKS_S:
            text, align = ("now", RIGHT) if t == 0 else (f"−{t} s", CENTRE)
            wide = 0.0 if t == 0 else 40 * self.unit
            at = place.right() - t * scale
            row = QRectF(at - 40 * self.unit, ribbon.bottom() + 3 * self.unit, 40 * self.unit + wide, small * 1.5)
            write(painter, row, text, small, FAINT, align=align)
        if self.width() > 560 * self.unit:
            self._legend(painter, place)

    def _legend(self, painter: QPainter, place: QRectF) -> None:
        """The names in the order of the classes, with their present values."""
        area = self.inside()
        step = area.height() / len(COMPOUND)
        size = max(min(self.px(15), int(step * 0.7)), 1)
        values = self.decision.compound if self.decision else None
        for n, name in enumerate(COMPOUND):
            row = QRectF(place.right() + 26 * self.unit, area.top() + n * step, 0, step)
            row.setRight(area.right())
            mine = n == self._strongest
            dot(painter, row.left(), row.center().y(), size * 0.34, bright(palette.COMPOUND[n]))
            names = QRectF(row.left() + size, row.top(), row.width() - size * 3.6, row.height())
            write(painter, names, name, size, INK if mine else DIM, bold=mine)
            value = f"{values[n]:.2f}" if values else DASH
            write(painter, row, value, size, INK if mine else DIM, bold=mine, align=RIGHT)
