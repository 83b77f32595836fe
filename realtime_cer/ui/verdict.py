"""The winning expression, large, or why there is none; and under it which model is responsible."""

from dataclasses import dataclass

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QPainter, QPaintEvent
from PyQt6.QtWidgets import QWidget

from realtime_cer import palette
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Snapshot
from realtime_cer.ui import words
from realtime_cer.ui.cells import DASH
from realtime_cer.ui.theme import DIM, FAINT, INK, RIGHT, TRACK, Panel, bright, fitting, width_of, write

_MODELS = dict(zip(MODELS, palette.MODELS, strict=True))

_OLD_S = 2.0
"""An older decision is not passed off as the present; there should be five a second."""


@dataclass(frozen=True, slots=True)
class Said:
    """One verdict in words, with its colour and the models' shares."""

    kicker: str
    headline: str
    value: str
    colour: str | None
    shares: tuple[float, ...]

    @property
    def text(self) -> str:
        """The whole of it on one line."""
        return f"{self.kicker}: {self.headline}" if self.colour is None else f"{self.headline} {self.value}"


def said(snapshot: Snapshot) -> Said:
    """What a snapshot says."""
    decision = snapshot.decision
    if decision is None:
        return Said("starting", waiting(snapshot), "", None, ())
    old = snapshot.t - decision.t
    if old > _OLD_S and any(source.state != "ended" for source in snapshot.sources):
        return Said("stopped", f"no decision for {words.age(old)}", "", None, ())
    best = words.strongest(decision)
    shares = tuple(decision.contributions.get(name, 0.0) for name in MODELS)
    if decision.label is None:
        return Said(
            "abstains", words.reason(decision), f"strongest: {best[0]} {best[1]:.2f}" if best else "", None, shares
        )
    colour = palette.COMPOUND[COMPOUND.index(decision.label)]
    return Said(words.pair(decision.label), decision.label, f"{best[1]:.2f}" if best else "", colour, shares)


def waiting(snapshot: Snapshot) -> str:
    """What is waited for before the first decision."""
    troubled = [source for source in snapshot.sources if source.state not in ("live", "ended")]
    if not snapshot.engines:  # a file waits for the networks, not they for it
        troubled = [source for source in troubled if source.kind != "file"]
    return f"waiting for {troubled[0].kind} {troubled[0].name}" if troubled else "loading the networks"


class VerdictView(Panel):
    """The verdict of the newest decision."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, "verdict", padding=18)
        self.said = Said("starting", "", "", None, ())

    def show_moment(self, snapshot: Snapshot) -> None:
        """Take what the snapshot says."""
        now = said(snapshot)
        if now != self.said:
            self.said = now
            self.say(now.text)
            self.update()

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Paint it."""
        painter = QPainter(self)
        self.ground(painter)
        area, now = self.inside(), self.said
        small, named = self.px(15), now.colour is not None
        why = self.height() > 150 * self.unit
        kicker = QRectF(area.left(), area.top(), area.width(), small * 1.5)
        largest = min(self.px(80), int(area.height() * 0.38))
        head = QRectF(area.left(), kicker.bottom(), area.width(), largest * 1.35)
        if self.height() < 70 * self.unit:
            head = area
        else:
            write(painter, kicker, now.kicker, small, DIM)
            write(painter, kicker, now.value if named else "", small, DIM, align=RIGHT)
        if named and now.colour:
            size = fitting(now.headline, head.width(), largest, self.px(13))
            write(painter, head, now.headline, size, bright(now.colour), bold=True)
        else:
            size = fitting(now.headline, head.width(), round(largest * 0.8), self.px(13), bold=False)
            write(painter, head, now.headline, size, DIM)
        if why:
            self._why(painter, QRectF(area.left(), head.bottom(), area.width(), area.bottom() - head.bottom()))

    def _why(self, painter: QPainter, area: QRectF) -> None:
        """The models' shares of the strongest class: one bar, and a legend under it."""
        now, small = self.said, self.px(14)
        if now.colour is None and now.value:
            write(painter, QRectF(area.left(), area.top(), area.width(), small * 1.5), now.value, small, FAINT)
        bar = QRectF(area.left(), area.bottom() - small * 2.35, area.width(), self.px(8))
        painter.fillRect(bar, QColor(TRACK))
        left = bar.left()
        for name, share in zip(MODELS, now.shares, strict=False):
            wide = share * bar.width()
            painter.fillRect(QRectF(left, bar.top(), max(wide - 1, 0), bar.height()), bright(_MODELS[name]))
            left += wide
        x, row = area.left(), QRectF(area.left(), bar.bottom() + small * 0.35, area.width(), small * 1.5)
        for n, name in enumerate(MODELS):
            share = now.shares[n] if n < len(now.shares) else 0.0
            here = share > 0
            text = f"{words.MODELS[name]} {share * 100:.0f} %" if here else f"{words.MODELS[name]} {DASH}"
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(bright(_MODELS[name]) if here else QColor(TRACK))
            painter.drawRoundedRect(QRectF(x, row.center().y() - small * 0.32, small * 0.64, small * 0.64), 2, 2)
            write(
                painter,
                QRectF(x + small, row.top(), row.right() - x, row.height()),
                text,
                small,
                INK if here else FAINT,
            )
            x += max(width_of(f"{words.MODELS[name]} 100 %", small) + small * 2.4, row.width() / 3)
