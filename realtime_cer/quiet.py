"""OpenCV without its chatter, and a way to silence native start-up noise.

Write ``from realtime_cer.quiet import cv2`` instead of ``import cv2``, and import this module before
``mediapipe``: libraries read these settings when they are loaded. What a user has set already is left alone.
``silence`` may be entered by several threads at once: the first in redirects, the last out restores.
"""

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator

for _name, _value in {
    "OPENCV_LOG_LEVEL": "OFF",
    "OPENCV_VIDEOIO_DEBUG": "0",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS": "0",  # with it, opening a camera on Windows takes many seconds
    "GLOG_minloglevel": "3",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "ABSL_MIN_LOG_LEVEL": "3",
}.items():
    os.environ.setdefault(_name, _value)

# On Linux OpenCV points Qt at plugins of its own, with which PyQt6 cannot start: what it changes is put back.
_QT = {name: os.environ.get(name) for name in ("QT_QPA_PLATFORM_PLUGIN_PATH", "QT_QPA_FONTDIR")}

import cv2  # noqa: E402  # after what it would change was noted

for _name, _before in _QT.items():
    if _before is None:
        os.environ.pop(_name, None)
    else:
        os.environ[_name] = _before

__all__ = ["cv2", "mute_native", "silence"]

_lock = threading.Lock()
_muted = False
_depth = 0
_saved: int | None = None


def _flush() -> None:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.flush()


def _redirect() -> int | None:
    """Point file descriptor 2 at nothing; give a copy of what it was, or None where there is none."""
    _flush()
    try:
        saved = os.dup(2)
    except OSError:
        return None
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)
    return saved


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Drop what anything in the process writes to file descriptor 2 meanwhile: for short native calls only."""
    global _depth, _saved
    with _lock:
        if _depth == 0:
            _saved = _redirect()
        _depth += 1
    try:
        yield
    finally:
        with _lock:
            _depth -= 1
            if _depth == 0 and _saved is not None:
                _flush()
                os.dup2(_saved, 2)
                os.close(_saved)
                _saved = None


def mute_native() -> None:
    """From now on only Python itself writes to the terminal's error output; what libraries write there is dropped.

    For a command line that runs long: PortAudio, for one, reports from threads of its own when a microphone is
    unplugged. Child processes inherit the muted output. Does nothing where there is no such output, or when repeated.
    """
    global _muted
    with _lock:
        if _muted or _depth or not isinstance(sys.stderr, io.TextIOWrapper):
            return
        kept = _redirect()
        if kept is not None:
            encoding, errors = sys.stderr.encoding, sys.stderr.errors
            sys.stderr = open(kept, "w", buffering=1, encoding=encoding, errors=errors)  # noqa: SIM115  # open to the end
            _muted = True
