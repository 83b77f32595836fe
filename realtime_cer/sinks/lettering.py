"""Words and colours in pictures: text is rendered once, kept as a mask, and blended wherever it is wanted."""

from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from realtime_cer.records import Picture

Colour = tuple[int, int, int]
"""Blue, green, red."""


GROUND: Colour = (27, 22, 20)
"""Behind everything."""

INK: Colour = (240, 236, 233)
"""Of what is read first."""

FAINT: Colour = (165, 156, 150)
"""Of what is read second."""


@dataclass(frozen=True, slots=True)
class Box:
    """A part of the canvas, in pixels; ``right`` and ``bottom`` are the first pixels outside."""

    x: int
    y: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        """How wide it is."""
        return self.right - self.x

    @property
    def height(self) -> int:
        """How high it is."""
        return self.bottom - self.y


@cache
def bgr(code: str) -> Colour:
    """The colour that ``#rrggbb`` stands for."""
    red, green, blue = bytes.fromhex(code.removeprefix("#"))
    return blue, green, red


@lru_cache(maxsize=32)
def _font(size: int, bold: bool) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    # Found without importing matplotlib, which takes longer than everything else here together.
    home = find_spec("matplotlib")
    for folder in home.submodule_search_locations or () if home else ():
        path = Path(folder) / "mpl-data" / "fonts" / "ttf" / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf")
        if path.is_file():
            return ImageFont.truetype(str(path), size)
    return ImageFont.load_default(size)


@lru_cache(maxsize=1024)
def mask(text: str, size: int, bold: bool = False) -> npt.NDArray[np.uint8]:
    """A rendered line of text: (line height, width) coverage, 0 to 255; all lines of a size are equally high."""
    font = _font(size, bold)
    if isinstance(font, ImageFont.FreeTypeFont):
        above, below = font.getmetrics()
    else:
        above, below = size, size // 3
    width = max(round(font.getlength(text)) + 1, 1)
    image = Image.new("L", (width, above + below))
    ImageDraw.Draw(image).text((0, 0), text, fill=255, font=font)
    return np.asarray(image)


def width_of(text: str, size: int, bold: bool = False) -> int:
    """How many pixels wide a line of text is."""
    return int(mask(text, size, bold).shape[1])


def write(
    picture: Picture,
    text: str,
    at: tuple[float, float],
    size: int,
    colour: Colour,
    *,
    bold: bool = False,
    anchor: float = 0.0,
) -> None:
    """Write a line of text into a picture; what does not fit in is cut off.

    Parameters
    ----------
    picture : (H, W, 3) uint8, changed
    text : one line
    at : x, and y of the middle of the line's small letters, in pixels
    size : of the letters, in pixels
    colour : of the letters
    bold : heavy letters
    anchor : which part of the text lies at x: 0 its left end, 0.5 its middle, 1 its right end
    """
    stencil = mask(text, size, bold)
    high, wide = stencil.shape
    # The middle of the small letters lies a little below the middle of the line.
    x, y = round(at[0] - anchor * wide), round(at[1] - 0.56 * high)
    left, top = max(x, 0), max(y, 0)
    right, bottom = min(x + wide, picture.shape[1]), min(y + high, picture.shape[0])
    if right <= left or bottom <= top:
        return
    cover = stencil[top - y : bottom - y, left - x : right - x, None].astype(np.uint16)
    part = picture[top:bottom, left:right]
    part[:] = (part * (255 - cover) + np.array(colour, np.uint16) * cover + 127) // 255
