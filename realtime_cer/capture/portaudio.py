"""The sound library: loaded when first needed, asked by one thread at a time, started anew after a hot-plug."""

import atexit
import contextlib
import ctypes
import difflib
import functools
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from realtime_cer.capture.lasting import lasting_name
from realtime_cer.errors import Refused
from realtime_cer.quiet import silence

MISSING = "the PortAudio library is missing: apt-get install libportaudio2 (Debian, Ubuntu)"

LATENCY_S = 0.1
"""Buffer asked of the sound system: less is lost when the processor is busy than with the lowest."""

_RATES = (48_000, 44_100, 16_000)
_PLUGINS = ("usr/lib/*/alsa-lib", "usr/lib64/alsa-lib", "usr/lib/alsa-lib")
_lock = threading.RLock()
_open: list[Any] = []
"""Streams that the library knows: it crashes when asked about one from before it was started anew."""
_LOCK_TIMEOUT_S = 10.0


class Unavailable(Exception):
    """The device is not there or does not work now; it may come back. One line for people."""


class Hanging(Unavailable):
    """Another thread hangs in the library, which does not bear two."""


@dataclass(frozen=True, slots=True)
class Input:
    """A sound input: its number, which changes with every hot-plug, and what stays.

    ``twin`` says that another one differed by no more than the number of its card when this one was found.
    """

    index: int
    name: str
    api: str
    channels: int
    rate: int
    default: bool
    twin: bool = False


def load() -> Any:
    """Import sounddevice, which starts its library, and hangs where the sound system does.

    Raises
    ------
    Refused
        It or its library is missing.
    Unavailable
        The library does not start now; the next call tries again.
    """
    try:
        with silence():
            return importlib.import_module("sounddevice")
    except OSError as error:
        raise Refused(MISSING) from error
    except ImportError as error:
        raise Refused(f"sounddevice cannot be imported ({error}): install the program again") from error
    except Exception as error:  # its own error is told below; that of a failed import has no class to catch
        if not is_fault(error):
            raise
        # What it wants done at exit would keep each module alive whose import has failed.
        atexit.unregister(getattr(type(error).__str__, "__globals__", {}).get("_exit_handler", load))
        raise _not_started(error) from error


def is_fault(error: Exception) -> bool:
    """Does the library say so? Told by its name, for an import that failed leaves no class behind."""
    return type(error).__name__ == "PortAudioError"


@contextmanager
def exclusive() -> Iterator[Any]:
    """Hold the library, which does not bear two threads; raises Hanging while another one hangs in it."""
    if not _lock.acquire(timeout=_LOCK_TIMEOUT_S):
        raise Hanging("the sound system does not answer")
    try:
        library = load()  # inside: whoever imports what another thread imports waits for it without end
        with silence():
            yield library
    finally:
        _lock.release()


def restart() -> None:
    """Let the library look for devices again: it lists them only when it starts. Closes all its streams.

    Raises Unavailable where it does not start now; the next call tries again.
    """
    with exclusive() as library:
        for stream in list(_open):
            close(stream)
        _hold_plugin()
        with contextlib.suppress(library.PortAudioError):  # a start that failed has left nothing to end
            library._terminate()
        try:
            library._initialize()
        except library.PortAudioError as error:
            raise _not_started(error) from error


def _not_started(error: Exception) -> Unavailable:
    return Unavailable(f"the sound system does not start ({_first_line(error)})")


@functools.cache
def _hold_plugin() -> None:
    """Keep in memory what ALSA loads for each list of devices and drops again.

    Its AC-3 plugin brings all of FFmpeg, and one library among that loses 12 KiB each time: 2 GiB a day of looking for
    a microphone that is absent.
    """
    if sys.platform == "linux":
        for pattern in _PLUGINS:
            for path in Path("/").glob(f"{pattern}/libasound_module_pcm_a52.so"):
                with contextlib.suppress(OSError):  # of another kind of machine
                    ctypes.CDLL(str(path))


def inputs() -> list[Input]:
    """List sound inputs as of the library's last start."""
    with exclusive() as library:
        apis = [str(api["name"]) for api in library.query_hostapis()]
        try:
            chosen = int(library.query_devices(kind="input")["index"])
        except (library.PortAudioError, ValueError):
            chosen = -1
        return [
            Input(
                index,
                str(facts["name"]),
                apis[facts["hostapi"]],
                int(facts["max_input_channels"]),
                round(facts["default_samplerate"]),
                index == chosen,
            )
            for index, facts in enumerate(library.query_devices())
            if facts["max_input_channels"] > 0
        ]


def find(spec: str, known: Input | None = None) -> Input:
    """Find an input by number, name, part of a name, or ``default``.

    Parameters
    ----------
    spec : what the user said
    known : the device found before: only the same name at the same sound system will do, but for the number of its card
        where it had no twin, unless ``default`` was said

    Raises
    ------
    Refused
        Several fit; which is no matter of waiting.
    Unavailable
        None fits, with the nearest names.
    """
    found = inputs()
    if spec == "default":
        fitting = [each for each in found if each.default] or found[:1]
        if not fitting:
            raise Unavailable("no microphone was found: plug one in, or go on without one with --microphone none")
        return fitting[0]
    if known is not None:
        fitting = [each for each in found if (each.name, each.api) == (known.name, known.api)]
        if not fitting and not known.twin:
            fitting = _only(_alike(known.name, known.api, found))
        if not fitting:
            raise Unavailable(f"microphone {known.name} is not there")
        return _marked(fitting[0], found)
    if spec.isdecimal():
        fitting = [each for each in found if each.index == int(spec)]
    else:
        lower = spec.lower()
        fitting = [each for each in found if each.name.lower() == lower]
        fitting = fitting or [each for each in found if lower in each.name.lower()]
        fitting = fitting or _only(_alike(spec, next((each.api for each in found if each.default), None), found))
    if not fitting:
        raise Unavailable(f"there is no microphone '{spec}'; {_offer(spec, found)}")
    if len(fitting) > 1:
        # Windows lists every device once for each of its sound systems.
        api = next((each.api for each in found if each.default), fitting[0].api)
        narrowed = [each for each in fitting if each.api == api]
        if len(narrowed) != 1:
            names = ", ".join(f"{each.index} ({each.name})" for each in fitting)
            raise Refused(f"microphone '{spec}' fits several: choose by number: {names}")
        fitting = narrowed
    return _marked(fitting[0], found)


def _alike(name: str, api: str | None, found: list[Input]) -> list[Input]:
    """The inputs of a sound system, or of any, whose names differ from this one by the number of the card at most."""
    lasting = lasting_name(name).lower()
    return [each for each in found if api in (None, each.api) and lasting_name(each.name).lower() == lasting]


def _only(fitting: list[Input]) -> list[Input]:
    """The one that fits, or none: of several that are alike, each may be the wrong one."""
    return fitting if len(fitting) == 1 else []


def _marked(device: Input, found: list[Input]) -> Input:
    """The input, with whether it has a twin."""
    return replace(device, twin=len(_alike(device.name, device.api, found)) > 1)


def _offer(spec: str, found: list[Input]) -> str:
    names = list(dict.fromkeys(each.name for each in found))
    if not names:
        return "none was found at all (realtime-cer devices lists them)"
    near = difflib.get_close_matches(spec, names, n=3, cutoff=0.3) or names[:3]
    return f"the nearest: {', '.join(near)} (realtime-cer devices lists all)"


def open_input(device: Input, callback: Callable[[int], Callable[..., None]]) -> tuple[Any, int]:
    """Open and start a stream at the device's own rate, or the next it takes; gives the stream and its rate.

    Parameters
    ----------
    callback : makes the stream's callback for a rate

    Raises
    ------
    Refused
        The device takes none of the rates.
    Unavailable
        It cannot be opened now.
    """
    rates = list(dict.fromkeys((device.rate, *_RATES)))
    widths = list(dict.fromkeys(min(each, device.channels) for each in (1, 2, device.channels)))
    why: Exception | None = None
    rate_refused = False
    with exclusive() as library:
        for rate in rates:
            for width in widths:
                stream = None
                try:
                    stream = library.InputStream(
                        device=device.index,
                        samplerate=rate,
                        channels=width,
                        dtype="float32",
                        blocksize=rate // 50,
                        latency=LATENCY_S,
                        callback=callback(rate),
                    )
                    stream.start()
                except (library.PortAudioError, ValueError) as error:
                    why = error
                    rate_refused |= "sample rate" in str(error).lower()
                    if stream is not None:  # opened, but it would not start
                        stream.close(ignore_errors=True)
                else:
                    _open.append(stream)
                    return stream, rate
    if rate_refused:
        tried = ", ".join(str(rate) for rate in rates)
        raise Refused(f"microphone {device.name} takes none of the sample rates {tried}: choose another one") from why
    raise Unavailable(f"microphone {device.name} cannot be opened ({_first_line(why)}): is another program using it?")


def hold(stream: Any) -> None:
    """Count a stream that was opened elsewhere among those that are closed before the library starts anew."""
    _open.append(stream)


def close(stream: Any) -> None:
    """Stop and close a stream whatever state it is in."""
    try:
        with exclusive():
            if is_open(stream):
                _open.remove(stream)
                stream.close(ignore_errors=True)
    except Unavailable:
        return


def is_open(stream: Any) -> bool:
    """Is it one of the streams that may still be asked?"""
    return any(stream is each for each in _open)


def _first_line(error: Exception | None) -> str:
    return str(error).splitlines()[0] if error is not None and str(error) else "no reason given"
