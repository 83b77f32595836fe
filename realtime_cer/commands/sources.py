"""Sources from flags, and the clock by which their sound is moved to its picture."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from realtime_cer.capture.source import Source
from realtime_cer.commands.console import notice
from realtime_cer.errors import Refused

_FIND_S = 3.0


class ShiftedClock:
    """The clock by which a microphone stamps: it is late by as much as its sound is.

    The offset is the configured one, or else the one that was measured for the pair of devices, as soon as both have
    names.

    Parameters
    ----------
    configured_ms : how much later sound arrives than its picture; None where nobody said
    """

    def __init__(self, configured_ms: float | None) -> None:
        self._configured = configured_ms is not None
        self._offset_ms = configured_ms or 0.0
        self._measured: str | None = None
        self._pair: tuple[str, ...] = ()
        if self._configured:
            notice(f"sound is moved {_moved(self._offset_ms)}, as configured")

    def __call__(self) -> float:
        """Seconds that do not go back, but for the moment in which an offset comes to be known."""
        return time.monotonic() - self._offset_ms / 1000

    @property
    def facts(self) -> dict[str, Any]:
        """What a session keeps of it."""
        said = "configured" if self._configured else self._measured and f"measured {self._measured}"
        return {"offset_ms": self._offset_ms, "from": said}

    def expect(self, camera: str, microphone: str) -> None:
        """Take the offset before the microphone is opened, if what was said is a device that is there already."""
        from realtime_cer.capture import portaudio
        from realtime_cer.capture.offsets import offsets_file

        if self._configured or not offsets_file().exists():
            return
        names: list[str] = []

        def find() -> None:
            with contextlib.suppress(Refused, portaudio.Unavailable):  # whoever opens it will say so
                names.append(portaudio.find(microphone).name)

        # A sound system that hangs must not keep Ctrl-C from us.
        finding = threading.Thread(target=find, name="microphone finder", daemon=True)
        finding.start()
        finding.join(_FIND_S)
        if names:
            self._take(camera, names[0])

    def look(self, sources: Sequence[tuple[str, Source]]) -> None:
        """Take the offset that was measured for these devices; quick, and told when it changes."""
        names = {kind: source.name for kind, source in sources}
        if not self._configured and {"camera", "microphone"} <= names.keys():
            self._take(names["camera"], names["microphone"])

    def _take(self, camera: str, microphone: str) -> None:
        pair = camera, microphone
        if pair == self._pair:
            return
        from realtime_cer.capture.offsets import read_offset

        self._pair = pair
        offset = read_offset(*pair)
        found = offset.audio_video_ms if offset else 0.0
        self._measured = offset.measured if offset else None
        if found != self._offset_ms:
            self._offset_ms = found
            notice(f"sound is moved {_moved(found)}" + (f", as measured {self._measured}" if offset else ""))


def _moved(offset_ms: float) -> str:
    return f"{abs(offset_ms):.0f} ms {'earlier' if offset_ms >= 0 else 'later'}"


def open_sources(
    camera: str | None, microphone: str | None, wait: bool, shifted: ShiftedClock | None = None
) -> list[tuple[str, Source]]:
    """Open what was asked for.

    What was named must be there (or is waited for, with ``wait``); defaults that are not there are left out with a
    notice.

    Raises
    ------
    Refused
        A named source is not there, or nothing at all is.
    """
    sources: list[tuple[str, Source]] = []
    missing: list[Refused] = []
    try:
        if camera != "none":
            film = Path(camera) if camera and _is_file(camera) else None
            if film is not None:
                from realtime_cer.capture.media import open_media
                from realtime_cer.capture.player import Player

                media = open_media(film)
                sources.append(("file", Player(media, time.monotonic, sound=microphone is None)))
                if microphone is None:
                    return sources
            else:
                from realtime_cer.capture.camera import open_camera

                with _optional(camera, missing):
                    sources.append(("camera", open_camera(camera or _first_camera(), time.monotonic, wait=wait)))
        if microphone != "none":
            from realtime_cer.capture.microphone import open_microphone

            clock = shifted or ShiftedClock(None)
            for kind, source in sources:
                if kind == "camera":
                    clock.expect(source.name, microphone or "default")
            with _optional(microphone, missing):
                sources.append(("microphone", open_microphone(microphone or "default", clock, wait=wait)))
            clock.look(sources)
        if not sources:
            remedy = missing[0] if missing else "see realtime-cer devices, or name a file or address with --camera"
            raise Refused(f"no camera and no microphone: {remedy}")
        for refusal in missing:
            notice(f"{refusal} (going on without)")
    except BaseException:
        for _, source in sources:
            source.close()
        raise
    return sources


@contextlib.contextmanager
def _optional(named: str | None, missing: list[Refused]) -> Iterator[None]:
    """Note the absence of a source that nobody named; one that was named is refused."""
    try:
        yield
    except Refused as refusal:
        if named is not None:
            raise
        missing.append(refusal)


def _first_camera() -> str:
    """The words for the camera that is taken when none is named."""
    from realtime_cer.capture.devices import cameras

    found = cameras()
    return found[0].select if found else "0"


def _is_file(camera: str) -> bool:
    """Whether a camera's name is that of a media file, there or not; devices and their names are none."""
    if "://" in camera or camera.isdigit() or camera.startswith("/dev/"):
        return False
    path = Path(camera)
    if path.suffix or len(path.parts) > 1:
        return True
    try:
        return path.exists()
    except OSError:
        return False
