"""The real window, opened for a test over a control that the test steers."""

from typing import Any

import numpy as np
from PyQt6.QtGui import QImage
from pytestqt.qtbot import QtBot

from parts.moments import Double, Noted
from realtime_cer.ui.moment import Looks
from realtime_cer.ui.window import Window

HEADING = {"title": "test", "rule": "none", "weights": "equal"}
RAW = Looks(language="en", smoothing_s=0.0, mirror=False)


def opened(qtbot: QtBot, control: Double, looks: Looks = RAW, desk: Noted | None = None) -> Window:
    window = Window(control, **HEADING, looks=looks, desk=desk)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


def redraw(window: Window) -> None:
    window.draw(window.control.snapshot())


def colours_of(window: Window, name: str) -> Any:
    """What a panel looks like: (H, W, 3) RGB."""
    image = window.panels[name].grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    pixels = np.frombuffer(image.constBits().asstring(image.sizeInBytes()), np.uint8)
    return pixels.reshape(image.height(), image.bytesPerLine() // 4, 4)[:, : image.width(), 2::-1]
