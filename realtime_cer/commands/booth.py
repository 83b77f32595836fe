"""What the kiosk's window needs of the program around it: its notice, its self-test, and its restart."""

import random
import shutil
import tempfile
import threading
from collections.abc import Iterator
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from realtime_cer.commands.console import notice
from realtime_cer.config import Config, KioskConfig
from realtime_cer.errors import Refused
from realtime_cer.kiosk.outages import Outages
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.records import Frame, GridFrame

if TYPE_CHECKING:
    from realtime_cer.sinks.keeper import Keeper
    from realtime_cer.ui.kiosk.booth import Booth

_LONGEST = 4000
_LEAST_FREE = 1 << 30


def check_kiosk(config: KioskConfig, *, recording: bool) -> None:
    """See whether a kiosk may be opened like this.

    Raises
    ------
    Refused
        It would record without being allowed to, or without telling people; or its notice cannot be shown.
    """
    if recording and not config.record:
        raise Refused("a kiosk keeps nothing: leave recording out, or set kiosk.record = true in the configuration")
    if recording and config.notice is None:
        raise Refused(
            "the kiosk's own notice says that nothing is stored: give one that says it is, with --notice FILE"
        )
    read_notice(config.notice)


def read_notice(path: Path | None) -> str | None:
    """The operator's notice: a heading in the first line, then paragraphs; None where none is named.

    Raises
    ------
    Refused
        It cannot be read, is no text, is empty, or is too long to be read by anybody.
    """
    if path is None:
        return None
    try:
        text = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Refused(f"notice {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Refused(f"notice {path} is not text: save it as UTF-8") from None
    if not 0 < len(text) <= _LONGEST:
        raise Refused(
            f"notice {path} has {len(text)} letters: write a heading, a blank line and paragraphs, {_LONGEST} at most"
        )
    return text


class Attendant:
    """Looks after a kiosk: what its window asks for, and what the operator should know.

    Parameters
    ----------
    config, live : of the running recogniser
    keeper : holds the last moments, of visitors too

    Attributes
    ----------
    restarting : the window was closed so that the program is started anew
    outages : is shown how the sources do by whoever follows the decisions
    """

    def __init__(self, config: Config, live: Live, keeper: "Keeper | None" = None) -> None:
        self.restarting = False
        self.outages = Outages()
        self._config, self._live, self._keeper = config, live, keeper
        self._noted: list[str] = []
        self._found: list[str] = []
        self._testing: threading.Thread | None = None

    @property
    def trouble(self) -> str:
        """What was noted, which sources have gone, what the last self-test found: on one line, empty if all is well."""
        return "; ".join([*self._noted, *self.outages.troubles, *self._found])

    def note(self, line: str) -> None:
        """Have the operator see something that lasts until the next start."""
        self._noted.append(line)

    def booth(self) -> "Booth":
        """What the window is given."""
        from realtime_cer.perception.gesture import gape
        from realtime_cer.ui.kiosk.booth import Booth

        return Booth(
            config=self._config.kiosk,
            notice=read_notice(self._config.kiosk.notice),
            gape=gape,
            forget=self._forget,
            test=self._begin_test,
            restart=self._restart,
            trouble=lambda: self.trouble,
            seed=random.SystemRandom().randrange(1 << 30),
        )

    def _forget(self) -> None:
        self._live.forget()
        if self._keeper is not None:
            self._keeper.forget()

    def _restart(self) -> None:
        self.restarting = True

    def _begin_test(self) -> None:
        if self._testing is None or not self._testing.is_alive():
            self._testing = threading.Thread(target=self._test, name="self-test", daemon=True)
            self._testing.start()

    def _test(self) -> None:
        self._found = list(self_test(self._config))
        notice(f"self-test: {'; '.join(self._found) or 'all is well'}")


def self_test(config: Config) -> Iterator[str]:
    """What is wrong with a running kiosk, one line each: networks, a stored picture, disk. Takes seconds."""
    try:
        yield from _recognises(config)
    except Exception as error:  # whatever is wrong with a library or a file: the kiosk goes on, and says so
        yield f"networks: {' '.join(str(error).split())[:160] or type(error).__name__}"
    try:
        free = shutil.disk_usage(tempfile.gettempdir()).free
    except OSError as error:  # on a disk that is quite full no folder can be written, which is looked for first
        yield f"disk: {error.strerror}"
        return
    if free < _LEAST_FREE:
        yield f"disk: {free / _LEAST_FREE:.1f} GiB free"


def _recognises(config: Config) -> Iterator[str]:
    """Load every network anew, which verifies it, and show them a stored picture of a face."""
    from realtime_cer.capture.media import open_media

    perception = load_perception(config)
    try:
        with as_file(files("realtime_cer") / "assets" / "demo.mp4") as clip:
            frame = next(item for item in open_media(clip).items(sound=False) if isinstance(item, Frame))
        seen = perception.seeing.see(GridFrame(0, frame.t, frame))
    finally:
        perception.close()
    if seen.face is None:
        yield "no face was found in the stored picture"
    elif seen.static is None or not np.isclose(seen.static.probabilities.sum(), 1, atol=1e-3):
        yield "the stored picture was not recognised"
