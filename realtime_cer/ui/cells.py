"""Small things drawn in terminal cells: bars, large letters, a picture. Pure functions."""

from collections.abc import Sequence

import numpy as np
from rich.text import Text

from realtime_cer.palette import QUIET
from realtime_cer.records import Picture
from realtime_cer.ui.words import DASH

_SPARK = " ▁▂▃▄▅▆▇█"

# Five rows of pixels a letter; only the letters of the class names.
_LETTERS = {
    "A": ("111", "101", "111", "101", "101"),
    "D": ("110", "101", "101", "101", "110"),
    "E": ("111", "100", "110", "100", "111"),
    "F": ("111", "100", "110", "100", "100"),
    "G": ("111", "100", "101", "101", "111"),
    "H": ("101", "101", "111", "101", "101"),
    "I": ("1", "1", "1", "1", "1"),
    "L": ("100", "100", "100", "100", "111"),
    "N": ("1001", "1101", "1011", "1001", "1001"),
    "P": ("111", "101", "111", "100", "100"),
    "R": ("110", "101", "110", "101", "101"),
    "S": ("111", "100", "111", "001", "111"),
    "T": ("111", "010", "010", "010", "010"),
    "U": ("101", "101", "101", "101", "111"),
    "Y": ("101", "101", "111", "010", "010"),
    " ": ("0", "0", "0", "0", "0"),
}
_HALVES = {("0", "0"): " ", ("1", "0"): "▀", ("0", "1"): "▄", ("1", "1"): "█"}

_ASCII = str.maketrans(
    {"━": "=", "╸": "-", "─": ".", "█": "#", "▓": "+", "░": ":", "●": "*", "○": "o", "▸": ">", "▹": "-"}
    | {"—": "-", "·": "|", "…": ".", "×": "x", "│": "|", "■": "#", "▀": '"', "▄": "_"}
    | dict(zip(_SPARK[1:], "._-~=+*#", strict=True))
)


def bar(share: float, width: int, style: str, track: str = QUIET) -> Text:
    """A bar over a thin track, to half a cell: ``share`` is cut to [0, 1]."""
    halves = round(min(max(share, 0.0), 1.0) * width * 2) if np.isfinite(share) else 0
    whole, half = divmod(halves, 2)
    text = Text("━" * whole + "╸" * half, style)
    return text.append("─" * (width - len(text)), f"dim {track}")


def stacked(shares: Sequence[float], width: int, styles: Sequence[str], fills: str) -> Text:
    """Parts of one whole side by side, ``width`` cells in all; ``fills`` are their signs."""
    edges = np.rint(np.cumsum([0.0, *shares]) * width).astype(int)
    text = Text()
    for begin, end, style, fill in zip(edges, edges[1:], styles, fills, strict=False):
        text.append(fill * int(end - begin), style)
    return text.append("─" * (width - len(text)), f"dim {QUIET}")


def spark(share: float) -> str:
    """One cell, filled from below by a share."""
    return _SPARK[round(min(max(share, 0.0), 1.0) * (len(_SPARK) - 1))] if np.isfinite(share) else DASH


def large(words: str) -> list[str] | None:
    """Three rows of large letters, or None where a letter is not drawn."""
    letters = [_LETTERS[letter] for letter in words.upper() if letter in _LETTERS]
    if len(letters) < len(words):
        return None
    pixels = ["0".join(letter[row] for letter in letters) for row in range(5)]
    pixels.append("0" * len(pixels[0]))
    return [
        "".join(_HALVES[pair] for pair in zip(*two, strict=True)) for two in zip(pixels[::2], pixels[1::2], strict=True)
    ]


def plain_ascii(text: Text) -> Text:
    """The same line for a terminal without these signs: every sign is replaced by one of the same width."""
    text.plain = text.plain.translate(_ASCII).encode("ascii", "replace").decode("ascii")
    return text


def preview_size(picture: Picture, width: int, height: int) -> tuple[int, int]:
    """Columns and rows of the largest preview of a picture that fits; a cell is twice as high as wide."""
    tall, wide = picture.shape[:2]
    scale = min(width / wide, 2 * height / tall)
    return max(int(wide * scale), 1), max(int(tall * scale) // 2, 1)


def preview(
    picture: Picture, columns: int, rows: int, box: tuple[float, float, float, float] | None, colour: str
) -> list[str]:
    """Rows of half blocks with their colours as escape codes, each row ending with a reset.

    Parameters
    ----------
    picture : (H, W, 3) uint8, BGR
    columns, rows : size in cells
    box : x, y, width, height in pixels of the picture, drawn as an outline
    colour : of that outline, "#rrggbb"
    """
    tall, wide = picture.shape[:2]
    # Nine samples a pixel instead of all: a preview must cost next to nothing.
    y = ((np.arange(rows * 6) + 0.5) * tall / (rows * 6)).astype(int)
    x = ((np.arange(columns * 3) + 0.5) * wide / (columns * 3)).astype(int)
    small = picture[y][:, x, ::-1].reshape(rows * 2, 3, columns, 3, 3).mean(axis=(1, 3))
    # Fewer shades make longer runs, and less to send.
    pixels = small.astype(np.uint8) & 0xF8
    if box is not None:
        _outline(pixels, [box[0] / wide, box[1] / tall, box[2] / wide, box[3] / tall], colour)
    lines = []
    for upper, lower in zip(pixels[::2].tolist(), pixels[1::2].tolist(), strict=True):
        parts, before = [], None
        for pair in zip(upper, lower, strict=True):
            if pair != before:
                (r, g, b), (s, h, c) = pair
                parts.append(f"\x1b[38;2;{r};{g};{b};48;2;{s};{h};{c}m")
                before = pair
            parts.append("▀")
        lines.append("".join(parts) + "\x1b[0m")
    return lines


def _outline(pixels: np.ndarray, box: list[float], colour: str) -> None:
    """Draw a box given in shares of the picture."""
    tall, wide = pixels.shape[:2]
    left, right = (round(min(max(v, 0.0), 1.0) * (wide - 1)) for v in (box[0], box[0] + box[2]))
    top, bottom = (round(min(max(v, 0.0), 1.0) * (tall - 1)) for v in (box[1], box[1] + box[3]))
    ink = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    pixels[[top, bottom], left : right + 1] = ink
    pixels[top : bottom + 1, [left, right]] = ink
