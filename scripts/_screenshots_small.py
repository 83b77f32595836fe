"""Pictures made small enough to be kept, without altering the colours that mean something."""

import io
from pathlib import Path

from PIL import Image
from PyQt6.QtCore import QBuffer, QIODevice
from PyQt6.QtGui import QColor, QImage, QPixmap

from realtime_cer import palette
from realtime_cer.ui.theme import THEMES, drawn

MAX_BYTES = 120_000


def save(path: Path, picture: QImage | QPixmap) -> None:
    """Write a picture as a small PNG."""
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    picture.save(buffer, "PNG")
    whole = Image.open(io.BytesIO(buffer.data().data())).convert("RGB")
    # What is large is shown smaller: it would be made so on every page.
    whole.thumbnail((1440, 810), Image.Resampling.LANCZOS)
    exact = fixed(whole)
    for colours in (256, 208, 176, 144, 128):
        # The photograph gets what colours are left.
        rest = whole.quantize(colours - len(exact), method=Image.Quantize.MEDIANCUT).getpalette() or []
        shades = Image.new("P", (1, 1))
        shades.putpalette([part for colour in exact for part in colour] + rest[: 3 * (colours - len(exact))])
        whole.quantize(palette=shades, dither=Image.Dither.NONE).save(path, optimize=True)
        if path.stat().st_size <= MAX_BYTES:
            break


def fixed(picture: Image.Image) -> list[tuple[int, int, int]]:
    """The colours that must not be altered: those of the classes and models that occur in a picture."""
    there = {colour for _, colour in picture.getcolors(picture.width * picture.height) or []}
    used = [
        drawn(colour, theme).getRgb()[:3]
        for theme in THEMES.values()
        for colour in (*palette.COMPOUND, *palette.BASIC, *palette.MODELS, palette.GOOD, palette.WARN)
    ]
    grounds = [
        QColor(one).getRgb()[:3]
        for theme in THEMES.values()
        for one in (theme.ground, theme.panel, theme.track, theme.ink, theme.dim, theme.calm)
    ]
    return [colour for colour in dict.fromkeys((*used, *grounds)) if colour in there]  # type: ignore[misc]  # of any length
