"""Keeps the screen awake for as long as it is needed, by whatever this system offers for it."""

import contextlib
import ctypes
import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Final

_WHO, _WHY = "realtime-cer", "a kiosk is open"
_CONTINUOUS, _SYSTEM, _DISPLAY = 0x80000000, 0x1, 0x2
_SERVICES: Final = (
    ("org.freedesktop.ScreenSaver", "/org/freedesktop/ScreenSaver"),
    ("org.freedesktop.ScreenSaver", "/ScreenSaver"),
)


@contextlib.contextmanager
def awake() -> Iterator[tuple[str, ...]]:
    """Keep the screen on; gives by what means, none where there is none. All of it ends with this process."""
    with contextlib.ExitStack() as stack:
        means = _OF_SYSTEM.get(sys.platform, _ELSEWHERE)
        yield tuple(name for name, hold in means if hold(stack))


def _windows(stack: contextlib.ExitStack) -> bool:
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  # only Windows has it
    stack.callback(kernel.SetThreadExecutionState, _CONTINUOUS)
    return bool(kernel.SetThreadExecutionState(_CONTINUOUS | _SYSTEM | _DISPLAY))


def _mac(stack: contextlib.ExitStack) -> bool:
    return _child(stack, "caffeinate", "-d", "-i", "-w", str(os.getpid()))


def _systemd(stack: contextlib.ExitStack) -> bool:
    """``cat`` holds the lock until our end of its pipe is closed, however we end."""
    return _child(stack, "systemd-inhibit", "--what=idle:sleep", f"--who={_WHO}", f"--why={_WHY}", "cat")


def _child(stack: contextlib.ExitStack, *words: str) -> bool:
    program = shutil.which(words[0])
    if program is None:
        return False
    quiet = subprocess.DEVNULL
    try:
        child = subprocess.Popen([program, *words[1:]], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)
    except OSError:
        return False
    stack.callback(_end, child)
    try:
        child.wait(0.3)  # without a manager of sessions it gives up at once
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(child: "subprocess.Popen[bytes]") -> None:
    child.kill()
    child.communicate()


def _bus(stack: contextlib.ExitStack) -> bool:
    """The session's own screen saver; the inhibition ends with our connection at the latest."""
    from PyQt6.QtDBus import QDBus, QDBusConnection, QDBusMessage

    bus = QDBusConnection.sessionBus()
    if not bus.isConnected():
        return False

    def call(place: tuple[str, str], method: str, *arguments: object) -> QDBusMessage:
        message = QDBusMessage.createMethodCall(*place, place[0], method)
        message.setArguments(list(arguments))
        return bus.call(message, QDBus.CallMode.Block, 2000)

    for place in _SERVICES:
        reply = call(place, "Inhibit", _WHO, _WHY)
        if reply.type() == QDBusMessage.MessageType.ReplyMessage and reply.arguments():
            stack.callback(call, place, "UnInhibit", reply.arguments()[0])
            return True
    return False


def _x11(stack: contextlib.ExitStack) -> bool:
    """X11 itself: its saver and its power management rest while this connection lives."""
    names = [ctypes.util.find_library(name) for name in ("X11", "Xss")]
    if not os.environ.get("DISPLAY") or None in names:
        return False
    x11, saver = (ctypes.CDLL(name) for name in names)
    x11.XOpenDisplay.restype = ctypes.c_void_p
    display = ctypes.c_void_p(x11.XOpenDisplay(None))
    if not display:
        return False
    stack.callback(x11.XCloseDisplay, display)
    event, error = ctypes.c_int(), ctypes.c_int()
    if not saver.XScreenSaverQueryExtension(display, ctypes.byref(event), ctypes.byref(error)):
        return False
    saver.XScreenSaverSuspend(display, 1)
    x11.XFlush(display)
    return True


_Means = tuple[tuple[str, Callable[[contextlib.ExitStack], bool]], ...]
_OF_SYSTEM: Final[Mapping[str, _Means]] = {
    "win32": (("SetThreadExecutionState", _windows),),
    "darwin": (("caffeinate", _mac),),
}
_ELSEWHERE: Final[_Means] = (
    ("ScreenSaver.Inhibit", _bus),
    ("systemd-inhibit", _systemd),
    ("XScreenSaverSuspend", _x11),
)
