"""What cameras and microphones there are, and the words to select them. Quick, quiet, never raising. No threads."""

import errno
import os
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from realtime_cer.capture import portaudio
from realtime_cer.errors import Refused
from realtime_cer.quiet import cv2, silence

_PROBED = 5
"""Camera numbers tried where the system offers no list."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """A device as a user sees it.

    ``select`` is what to give to ``--camera`` or ``--microphone``, ``rate`` a microphone's own samples per
    second, ``detail`` anything else worth a word.
    """

    name: str
    select: str
    default: bool = False
    rate: int | None = None
    detail: str = ""


def cameras() -> list[DeviceInfo]:
    """List local cameras; on Linux without opening any of them for pictures."""
    try:
        return _linux_cameras() if sys.platform == "linux" else _probed_cameras()
    except Exception:  # a listing must not fail: what cannot be listed can still be named
        return []


def microphones() -> list[DeviceInfo]:
    """List sound inputs; empty where none can be listed, see `microphone_problem`."""
    try:
        return [
            DeviceInfo(each.name, str(each.index), each.default, each.rate, f"{each.channels} channels, {each.api}")
            for each in portaudio.inputs()
        ]
    except Exception:  # as above; why is for `microphone_problem` to say
        return []


def microphone_problem() -> str | None:
    """Say in one line why no microphone can be used at all, or None."""
    try:
        portaudio.inputs()
    except (Refused, portaudio.Unavailable) as problem:
        return str(problem)
    return None


def camera_trouble(path: str) -> str | None:
    """Why a local camera that exists gives nothing, as far as the system says; None where it does not exist."""
    try:
        os.close(os.open(path, os.O_RDWR | getattr(os, "O_NONBLOCK", 0)))
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR):
            return None
        if error.errno in (errno.EACCES, errno.EPERM):
            return "may not be opened: add yourself to the group video (sudo usermod -aG video $USER) and log in anew"
        return "is busy: close the other program that uses it"
    return "exists but gives no picture: it is busy or no camera; close other programs that use it"


def _linux_cameras() -> list[DeviceInfo]:
    found: list[DeviceInfo] = []
    for node in sorted(Path("/dev").glob("video*"), key=lambda node: int(re.sub(r"\D", "", node.name) or 0)):
        about = Path("/sys/class/video4linux") / node.name
        index = _text(about / "index")
        if index not in ("", "0"):
            continue  # a second node of the same camera carries metadata, no pictures
        number = re.sub(r"\D", "", node.name)
        detail = "" if os.access(node, os.R_OK | os.W_OK) else "no permission: add yourself to the group video"
        found.append(DeviceInfo(_text(about / "name") or node.name, number or str(node), not found, None, detail))
    return found


def _probed_cameras() -> list[DeviceInfo]:
    found: list[DeviceInfo] = []
    for number in range(_PROBED):
        with silence():
            camera = cv2.VideoCapture(number, local_backend())
            if camera.isOpened():
                size = f"{camera.get(cv2.CAP_PROP_FRAME_WIDTH):.0f}x{camera.get(cv2.CAP_PROP_FRAME_HEIGHT):.0f}"
                found.append(DeviceInfo(f"camera {number}", str(number), not found, None, size))
            camera.release()
    return found


def local_backend() -> int:
    """The OpenCV backend for local cameras: a fixed one where the first choice of OpenCV is slow or noisy."""
    return {"linux": cv2.CAP_V4L2, "win32": cv2.CAP_DSHOW}.get(sys.platform, cv2.CAP_ANY)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
