"""``live --clap``: how far apart sound and picture of a pair of devices are, measured with flashes and beeps.

Concurrent activities: one thread watches the camera, one listens to the microphone, the sound library plays; the main
thread has the window.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from realtime_cer.capture.beeps import beeping, find_beeps
from realtime_cer.capture.clap import FLASH_S, LEAD_S, STARTS_S, TAIL_S, Clap, conclude, verdict
from realtime_cer.capture.flashes import brightness, find_flashes
from realtime_cer.capture.offsets import Offset, forget_offset, offsets_file, read_offset, write_offset
from realtime_cer.capture.source import Source
from realtime_cer.commands.console import Talk, notice
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.records import AudioBlock, Floats, Frame

if TYPE_CHECKING:
    from realtime_cer.ui.flash import FlashScreen

_TEXT = "clap test: five seconds of flashes and beeps\n\nEsc stops"
_SOUND_S = 2.0
"""A sound system that does not play for so long does not work."""

_UNKNOWN = (
    "unknown, and left in: what the screen takes after the window system (often 10 to 40 ms), "
    "and a loudspeaker of its own (wireless: 100 to 300 ms; take a wired one)"
)


def run_clap(camera: str | None, microphone: str | None, config: Config, *, forget: bool = False) -> int:
    """The clap test of ``live``; gives the exit code.

    Parameters
    ----------
    camera, microphone : as of ``live``; the first camera and the default microphone where None
    config : whether an offset is set by hand there, which is used before a measured one
    forget : measure nothing, but forget what was measured for this pair

    Raises
    ------
    Refused
        No screen, no loudspeaker, a source that is not there, or nothing that was found for certain.
    KeyboardInterrupt
        The window was closed.
    """
    if "none" in (camera, microphone):
        raise Refused("the clap test needs a camera and a microphone: leave out 'none'")
    if camera is not None and "://" not in camera and Path(camera).is_file():
        raise Refused(f"{camera} is a film, which cannot see the screen: name a camera")
    if not forget:
        from realtime_cer.ui.screen import screen_available

        missing = screen_available()
        if missing is not None:
            raise Refused(f"{missing}; the clap test flashes on a screen (by hand: sound_offset_ms in a --config file)")
    with ExitStack() as stack:
        eye, ear = _open(stack, camera, microphone, wait=forget)
        if forget:
            known = forget_offset(eye.name, ear.name, notice)
            print(f"{'forgotten' if known else 'nothing was known'}: {eye.name} with {ear.name}, {offsets_file()}")
            return 0
        before = read_offset(eye.name, ear.name, notice)
        clap = _measure(eye, ear)
    _print(clap, eye.name, ear.name, before)
    offset = Offset(
        round(clap.audio_video_ms, 2),
        round(clap.glass_to_glass_ms, 2),
        round(clap.spread_ms, 2),
        datetime.now().astimezone().isoformat(timespec="seconds"),
    )
    path = write_offset(eye.name, ear.name, offset, notice)
    Talk().print(f"kept for {eye.name} with {ear.name} in {path}; live moves the sound by it from now on")
    if config.sound_offset_ms is not None:
        notice(f"sound_offset_ms = {config.sound_offset_ms:g} in your settings is used before what was measured")
    return 0


def _open(stack: ExitStack, camera: str | None, microphone: str | None, wait: bool) -> tuple[Source, Source]:
    """Open both, with time stamps as they are: a known offset must not be in them."""
    from realtime_cer.capture.camera import open_camera
    from realtime_cer.capture.devices import cameras
    from realtime_cer.capture.microphone import open_microphone

    if camera is None:
        found = cameras()
        camera = found[0].select if found else "0"
    eye = open_camera(camera, time.monotonic, wait=wait)
    stack.callback(eye.close)
    ear = open_microphone(microphone or "default", time.monotonic, wait=wait)
    stack.callback(ear.close)
    return eye, ear


def _measure(eye: Source, ear: Source) -> Clap:
    """Flash and beep, and find both again."""
    from realtime_cer.ui.flash import FlashScreen

    stop = threading.Event()
    with ThreadPoolExecutor(2, thread_name_prefix="clap") as pool:
        seeing, hearing = pool.submit(_watch, eye, stop), pool.submit(_listen, ear, stop)

        def watched() -> None:
            for each in (seeing, hearing):
                if each.done():
                    each.result()  # raises what ended it

        try:
            with FlashScreen(_TEXT) as screen:
                rises, falls, beeps = _perform(screen, watched)
            broken = [each.status.detail for each in (eye, ear) if each.status.state != "live"]
        finally:
            stop.set()
        pictures, sound = seeing.result(), hearing.result()
    if broken:
        raise Refused(f"{broken[0]}: the clap test needs both all the time, try again")
    seen = find_flashes([t for t, _ in pictures], [grid for _, grid in pictures], rises, falls)
    return conclude(seen, find_beeps(sound, beeps))


def _watch(source: Source, stop: threading.Event) -> list[tuple[float, Floats]]:
    return [(item.t, brightness(item.picture)) for item in source.items(stop) if isinstance(item, Frame)]


def _listen(source: Source, stop: threading.Event) -> list[AudioBlock]:
    return [item for item in source.items(stop) if isinstance(item, AudioBlock)]


def _perform(screen: "FlashScreen", watched: Callable[[], None]) -> tuple[list[float], list[float], list[float]]:
    """Flash and beep at the pattern's times; gives when it was bright, when dark again, and when each beep sounded.

    ``watched`` is called many times a second, and raises where there is no point in going on.
    """
    from realtime_cer.capture.loudspeaker import playing

    def wait(until: float, sooner: Callable[[], bool] = lambda: False) -> None:
        def over() -> bool:
            watched()
            return time.monotonic() >= until or sooner()

        if not screen.wait_until(over):
            raise KeyboardInterrupt

    starts = [LEAD_S + start for start in STARTS_S]
    rises, falls = [], []
    with playing(lambda rate: beeping(rate, starts, starts[-1] + FLASH_S)) as playback:
        wait(time.monotonic() + _SOUND_S, lambda: playback.begun is not None)
        begun = playback.begun
        if begun is None:
            raise Refused("the loudspeaker does not play: is its sound system running?")
        for start in starts:
            wait(begun + start)
            rises.append(screen.flash(True))
            wait(rises[-1] + FLASH_S)
            falls.append(screen.flash(False))
        wait(falls[-1] + TAIL_S)
        if playback.stuttered:
            raise Refused("the loudspeaker's sound stuttered: close other programs and try again")
    return rises, falls, [begun + start for start in starts]


def _print(clap: Clap, camera: str, microphone: str, before: Offset | None) -> None:
    table = Table(title=f"clap test: {camera} with {microphone}", title_justify="left")
    table.add_column("what")
    table.add_column("ms", justify="right")
    table.add_row("sound after picture (negative: before it)", f"{clap.audio_video_ms:+.1f}")
    table.add_row("its standard error", f"{clap.spread_ms:.1f}")
    table.add_row("screen to picture (glass to glass)", f"{clap.glass_to_glass_ms:.1f}")
    table.add_row("loudspeaker to sound", f"{clap.sound_ms:.1f}")
    table.add_row("one frame of the camera", f"{clap.frame_ms:.1f}")
    if before is not None:
        table.add_row(f"measured before, {before.measured}", f"{before.audio_video_ms:+.1f}")
    Console(highlight=False).print(table)
    talk = Talk()
    talk.print(verdict(clap))
    talk.print(_UNKNOWN)
