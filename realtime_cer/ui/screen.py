"""Whether a window can be opened, found out without Qt: it ends the whole process where it finds no display."""

import ctypes
import ctypes.util
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGES = "libegl1 libgl1 libdbus-1-3 libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0"
"""What Qt needs from Debian or Ubuntu beside what Python's package brings."""

_INSTALL = f"sudo apt-get install --no-install-recommends {PACKAGES}"
_ANSWER_S = 3.0


@cache
def screen_available() -> str | None:
    """None where a window can be opened, else the reason in words. Asked once; quick."""
    if find_spec("PyQt6") is None:
        return "no window: PyQt6 is not installed; python -m pip install PyQt6 pyqtgraph"
    if sys.platform == "darwin":
        return None if _mac_session() else "no screen: nobody is logged in at this Mac's screen"
    if not sys.platform.startswith("linux"):
        return None
    chosen = os.environ.get("QT_QPA_PLATFORM", "").partition(":")[0]
    if not chosen and not os.environ.get("DISPLAY") and not os.environ.get("WAYLAND_DISPLAY"):
        return "no screen: neither DISPLAY nor WAYLAND_DISPLAY is set"
    missing = _missing_library(chosen)
    if missing and not chosen and os.environ.get("WAYLAND_DISPLAY") and not _missing_library("wayland"):
        chosen, missing = "wayland", None  # what X11 lacks, Wayland does not need
    if missing:
        return f"no window: {missing} is missing; {_INSTALL}"
    if chosen not in ("", "xcb", "wayland"):
        return None
    if chosen != "wayland" and os.environ.get("DISPLAY") and _answers(_x11):
        if not chosen and not os.environ.get("WAYLAND_DISPLAY"):
            os.environ["QT_QPA_PLATFORM"] = "xcb"
        return None
    if chosen != "xcb" and os.environ.get("WAYLAND_DISPLAY") and _answers(_wayland):
        # Left alone, Qt may try the display that does not answer first, and give up.
        os.environ["QT_QPA_PLATFORM"] = "wayland"
        return None
    tried = [f"{name}={os.environ[name]}" for name in ("DISPLAY", "WAYLAND_DISPLAY") if os.environ.get(name)]
    return f"no screen: {' and '.join(tried) or 'no display'} does not answer"


def _missing_library(chosen: str) -> str | None:
    """The first shared library that Qt would not find, by name."""
    spec = find_spec("PyQt6")
    qt = Path(next(iter(spec.submodule_search_locations or []), "")) / "Qt6" if spec else Path()
    wanted = [qt / "lib" / "libQt6Widgets.so.6"]
    if chosen in ("", "xcb") and os.environ.get("DISPLAY"):
        wanted.append(qt / "plugins" / "platforms" / "libqxcb.so")
    for library in wanted:
        if not library.exists():
            continue  # a system's own PyQt6, whose packages bring what it needs
        try:
            ctypes.CDLL(str(library))
        except OSError as error:
            return str(error).partition(":")[0]
    return None


def _answers(connect: Callable[[], bool]) -> bool:
    """Whether a display answers in time: one behind a dead network may never."""
    said: list[bool] = []
    asking = threading.Thread(target=lambda: said.append(connect()), name="display", daemon=True)
    asking.start()
    asking.join(_ANSWER_S)
    return said == [True]


def _x11() -> bool:
    try:
        xcb = ctypes.CDLL("libxcb.so.1")
    except OSError:
        return False
    xcb.xcb_connect.restype = ctypes.c_void_p
    connection = ctypes.c_void_p(xcb.xcb_connect(None, None))
    if xcb.xcb_connection_has_error(connection):
        xcb.xcb_disconnect(connection)
        return False
    # Left open on purpose: when its last client leaves, an X server may start anew, and refuse Qt meanwhile.
    return True


def _wayland() -> bool:
    try:
        client = ctypes.CDLL("libwayland-client.so.0")
    except OSError:
        return False
    client.wl_display_connect.restype = ctypes.c_void_p
    display = client.wl_display_connect(None)
    if not display:
        return False
    client.wl_display_disconnect(ctypes.c_void_p(display))
    return True


def _mac_session() -> bool:
    """Whether there is a graphical session; a shell from afar has none, and Qt would end the process."""
    name = ctypes.util.find_library("CoreGraphics")
    if name is None:
        return True
    graphics = ctypes.CDLL(name)
    graphics.CGSessionCopyCurrentDictionary.restype = ctypes.c_void_p
    return bool(graphics.CGSessionCopyCurrentDictionary())
