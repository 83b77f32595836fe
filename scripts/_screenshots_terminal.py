"""A picture of the terminal view, with the demo clip before the real recogniser: what a terminal makes of its codes."""

import io
import re
from functools import partial
from pathlib import Path

from PyQt6.QtCore import QRectF, Qt
from PyQt6.QtGui import QColor, QFont, QImage, QPainter
from rich.console import Console
from rich.style import Style
from rich.text import Text

from realtime_cer.capture.media import open_media
from realtime_cer.capture.player import Player
from realtime_cer.config import Config, load_weights
from realtime_cer.inference.profile import settled
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.ui.terminal import TerminalView
from realtime_cer.ui.theme import DARK
from realtime_cer.why import without


def shoot_terminal(clip: Path, at_s: float = 14.0) -> QImage:
    """Play a clip to the recogniser, and give what the terminal view writes."""
    config = settled(Config())
    weights, perception = load_weights(config.weights), load_perception(config)
    written = io.StringIO()
    size = {"width": _COLUMNS, "height": _ROWS}
    console = Console(file=written, force_terminal=True, color_system="truecolor", legacy_windows=False, **size)
    shown = TerminalView(
        "demo clip, played as if live",
        config.rule.removeprefix("rule"),
        weights.name,
        console,
        "en",
        without=partial(without, weights=weights, rule=config.rule, always_decide=config.always_decide),
    )
    try:
        with Live(config, weights, perception, [("file", Player(open_media(clip)))]) as live:
            for row in live.decisions():
                shown.show(live.snapshot())  # all along: what is shown is smoothed
                if row.t - live.origin >= at_s:
                    break
            console.size = (_COLUMNS, _ROWS + 1)  # another size is drawn in whole
            written.truncate(written.seek(0))
            shown.show(live.snapshot())
    finally:
        perception.close()
    return terminal_picture(written.getvalue())


_COLUMNS, _ROWS, _CELL = 125, 31, (12, 24)
_LINE = re.compile("\x1b\\[(\\d+);1H\x1b\\[0m\x1b\\[2K(.*?)(?=\x1b\\[\\d+;1H|\x1b\\[\\?2026l|$)", re.DOTALL)
_JUMP = re.compile("\x1b\\[(\\d+)G")
_BLOCKS = {"█": (0.0, 1.0), "▀": (0.0, 0.5), "▄": (0.5, 1.0)}


def terminal_picture(written: str) -> QImage:
    """What a terminal makes of these characters and escape codes."""
    wide, tall = _CELL
    image = QImage(_COLUMNS * wide + 2 * wide, (_ROWS + 1) * tall + tall, QImage.Format.Format_RGB32)
    image.fill(QColor(DARK.ground))
    painter = QPainter(image)
    letters = QFont("DejaVu Sans Mono")
    letters.setPixelSize(19)
    for line, row in _LINE.findall(written):
        parts = _JUMP.split(row)
        for column, part in zip([0, *(int(one) - 1 for one in parts[1::2])], parts[::2], strict=True):
            x = column
            for segment in Text.from_ansi(part).render(Console(color_system="truecolor")):
                ink, ground = _inks(segment.style)
                letters.setBold(bool(segment.style and segment.style.bold))
                painter.setFont(letters)
                for sign in segment.text.rstrip("\n"):
                    place = QRectF((x + 1) * wide, (int(line) - 0.5) * tall, wide, tall)
                    if ground is not None:
                        painter.fillRect(place, ground)
                    if sign in _BLOCKS:
                        top, bottom = _BLOCKS[sign]
                        painter.fillRect(
                            QRectF(place.left(), place.top() + top * tall, wide, (bottom - top) * tall), ink
                        )
                    else:
                        painter.setPen(ink)
                        painter.drawText(place, int(Qt.AlignmentFlag.AlignCenter), sign)
                    x += 1
    painter.end()
    return image


def _inks(style: Style | None) -> tuple[QColor, QColor | None]:
    """Colour of the letters and, where there is one, of their ground."""
    if style is None:
        return QColor(DARK.ink), None
    ink = QColor(*style.color.get_truecolor()) if style.color is not None else QColor(DARK.ink)
    if style.dim:
        ink = QColor(DARK.faint) if style.color is None else ink.darker(180)
    return ink, QColor(*style.bgcolor.get_truecolor()) if style.bgcolor is not None else None
