"""How much later sound arrives than its picture, kept for each pair of camera and microphone.

A microphone whose card the system numbers anew is the same one; so are two of one make, whose sound is equally late.
One small JSON file in the user's configuration folder: ``REALTIME_CER_CONFIG``, or where the system keeps such things.
"""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from realtime_cer.capture.lasting import lasting_name
from realtime_cer.errors import Refused
from realtime_cer.whole import write_whole

FILE = "offsets.json"

LARGEST_MS = 2000.0
"""No pair of devices lies further apart: more is a mistake in the file. As of ``Config.sound_offset_ms``."""


@dataclass(frozen=True, slots=True)
class Offset:
    """What the clap test found out about a pair of devices, all in milliseconds.

    ``audio_video_ms`` is how much later sound arrives than its picture, in the sources' time stamps: positive means
    that sound is late. ``glass_to_glass_ms`` is how long a picture takes from the screen to its time stamp, None where
    nobody knows. ``spread_ms`` is the standard error of the offset. ``measured`` says when, in ISO 8601.
    """

    audio_video_ms: float
    glass_to_glass_ms: float | None
    spread_ms: float
    measured: str


class _Pair(BaseModel):
    """One entry of the file."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    camera: str
    microphone: str
    audio_video_ms: float
    glass_to_glass_ms: float | None
    spread_ms: float
    measured: str

    def is_of(self, camera: str, microphone: str) -> bool:
        return self.camera == camera and lasting_name(self.microphone) == lasting_name(microphone)


_PAIRS = TypeAdapter(list[_Pair])


def offsets_file() -> Path:
    """Where offsets are kept, there or not."""
    own = os.environ.get("REALTIME_CER_CONFIG")
    return (Path(own) if own else platformdirs.user_config_path("realtime_cer", appauthor=False)) / FILE


def _tell(line: str) -> None:
    print(f"realtime-cer: {line}", file=sys.stderr)


def read_offset(camera_name: str, microphone_name: str, notice: Callable[[str], object] = _tell) -> Offset | None:
    """Give what was measured for a pair of devices, or None.

    Parameters
    ----------
    camera_name, microphone_name : as ``Source.name`` gives them, so without passwords
    notice : is told, in one line, of a file that cannot be used; there is no offset then
    """
    try:
        pairs = _read()
    except _Unusable as problem:
        notice(f"{problem}: going on without, measure again with realtime-cer live --clap")
        return None
    for pair in reversed(pairs):  # a file of an earlier version may have several
        if pair.is_of(camera_name, microphone_name):
            return Offset(pair.audio_video_ms, pair.glass_to_glass_ms, pair.spread_ms, pair.measured)
    return None


def write_offset(
    camera_name: str, microphone_name: str, offset: Offset, notice: Callable[[str], object] = _tell
) -> Path:
    """Keep what was measured for a pair of devices, in place of what was known before; gives the file.

    A file that cannot be used is kept beside the new one, and ``notice`` is told.

    Raises
    ------
    Refused
        The file cannot be written.
    ValueError
        A figure that is not finite, or absurd.
    """
    if not abs(offset.audio_video_ms) <= LARGEST_MS:
        raise ValueError(f"an offset of {offset.audio_video_ms} ms")
    made = _Pair(
        camera=camera_name,
        microphone=microphone_name,
        audio_video_ms=offset.audio_video_ms,
        glass_to_glass_ms=offset.glass_to_glass_ms,
        spread_ms=offset.spread_ms,
        measured=offset.measured,
    )
    return _write([*_others(camera_name, microphone_name, notice), made])


def forget_offset(camera_name: str, microphone_name: str, notice: Callable[[str], object] = _tell) -> bool:
    """Forget what was measured for a pair of devices; False where nothing was known.

    Raises
    ------
    Refused
        The file cannot be written.
    """
    if read_offset(camera_name, microphone_name, notice) is None:
        return False
    _write(_others(camera_name, microphone_name, notice))
    return True


class _Unusable(Exception):
    """The file is there, but cannot be used."""


def _read() -> list[_Pair]:
    path = offsets_file()
    try:
        pairs = _PAIRS.validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise _Unusable(f"measured offsets {path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        why = " ".join(f"{place}: {first['msg']}".removeprefix(": ").split())
        raise _Unusable(f"measured offsets {path} are damaged ({why})") from None
    for pair in pairs:
        if not abs(pair.audio_video_ms) <= LARGEST_MS:
            raise _Unusable(f"measured offsets {path} are damaged (an offset of {pair.audio_video_ms:g} ms)")
    return pairs


def _others(camera_name: str, microphone_name: str, notice: Callable[[str], object]) -> list[_Pair]:
    """All pairs but this one; a damaged file is put aside."""
    try:
        pairs = _read()
    except _Unusable as problem:
        path = offsets_file()
        aside = path.with_name(f"{path.name}.damaged")
        try:
            path.replace(aside)
        except OSError as error:
            raise Refused(f"{problem}, nor moved ({error.strerror}): remove it by hand") from None
        notice(f"{problem}: kept as {aside}")
        return []
    return [pair for pair in pairs if not pair.is_of(camera_name, microphone_name)]


def _write(pairs: list[_Pair]) -> Path:
    """Write the whole file."""
    path = offsets_file()
    try:
        write_whole(path, _PAIRS.dump_json(pairs, indent=2) + b"\n")
    except OSError as error:
        raise Refused(
            f"measured offsets {path} cannot be written ({error.strerror}): "
            "name another folder with REALTIME_CER_CONFIG"
        ) from None
    return path
