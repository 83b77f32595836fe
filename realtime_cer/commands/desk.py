"""What the controls of the live window ask for, done: sources, rule, weights, recordings, pictures, memory."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from realtime_cer.capture.source import Source, safe_url
from realtime_cer.commands.console import notice
from realtime_cer.commands.finding import devices_of, names_of
from realtime_cer.commands.moments import Moments
from realtime_cer.commands.ownrecording import OwnRecording
from realtime_cer.commands.recording import Terms
from realtime_cer.commands.snapshots import FOLDER, keep_picture
from realtime_cer.commands.sources import ShiftedClock
from realtime_cer.config import PUBLISHED, Config, load_weights
from realtime_cer.control import Choice, DeskState
from realtime_cer.errors import Refused
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import Perception
from realtime_cer.preferences import Preferences, read_preferences, write_preferences
from realtime_cer.records import AudioBlock, Decision, Frame
from realtime_cer.rules import RULES
from realtime_cer.sinks.timewords import digital
from realtime_cer.told import Told

if TYPE_CHECKING:
    from realtime_cer.sinks.keeper import Keeper
    from realtime_cer.sinks.recorder import Recorder

_EQUAL = "equal"


def remembered(config: Config) -> Config:
    """The settings with what was chosen in the window before, where there is a screen for one."""
    from realtime_cer.ui.screen import screen_available

    if screen_available() is not None:
        return config
    with_it = read_preferences(notice).applied(config)
    for name in ("rule", "weights"):
        if getattr(with_it, name) != getattr(config, name):
            notice(f"{name} {getattr(with_it, name)}, as chosen in the window before; --{name} says otherwise")
    return with_it


class LiveDesk:
    """A ``Desk`` over a running recogniser; made before it, for it is one of its taps.

    What takes longer than a moment is done in threads of its own, one for each wish.

    Parameters
    ----------
    config : the settings at the start
    shifted : the clock by which microphones stamp
    loaded : the networks, whose engines a recording tells of
    recorded : the run is recorded as a flag wanted, from its start to its end
    terms : on which everything is kept that is asked for here
    """

    def __init__(
        self,
        config: Config,
        shifted: ShiftedClock,
        loaded: "Future[Perception]",
        *,
        recorded: bool = False,
        terms: Terms | None = None,
    ) -> None:
        self._shifted, self._loaded, self._recorded = shifted, loaded, recorded
        self._live: Live | None = None
        self._told = (0, "")
        self._found: dict[str, tuple[Choice, ...]] = {}
        self._looking: set[str] = set()
        self._kept: Preferences | None = None
        self._weights, self._profile = config.weights, config.profile
        self._terms = terms or Terms()
        self._whole: Recorder | None = None
        folder = platformdirs.user_videos_path() / FOLDER
        self._own = OwnRecording(folder, self._terms, self.tell)
        self._moments = Moments(folder, self.facts, self.tell)

    def attach(self, live: Live, recorder: "Recorder | None" = None, keeper: "Keeper | None" = None) -> None:
        """Steer this recogniser from now on, and what flags have it recorded and held by."""
        self._live, self._whole = live, recorder
        if keeper is not None:
            self._moments.hold(keeper)

    def tap(self, item: Frame | AudioBlock | Decision) -> None:
        """Pass everything on to the recording that runs, from its beginning on, and to what holds the last moments."""
        self._moments.tap(item)
        self._own.tap(item)

    def close(self) -> None:
        """End a recording that runs, keep what is still to be kept, and write down what is to be remembered."""
        self._own.close()
        self._moments.close()
        if self._kept is not None:
            try:
                write_preferences(self._kept)
            except Refused as refusal:
                notice(str(refusal))

    def facts(self) -> dict[str, Any]:
        """What a session tells that is kept at this moment."""
        from realtime_cer.commands.record import session_facts

        live, facts = self._live, self._terms.facts
        if live is not None:
            facts |= session_facts(live.sources, *live.steering.settings, self._shifted.facts)
        return facts

    @property
    def size(self) -> tuple[int, int] | None:
        """How large the window was when it was closed last."""
        return read_preferences(lambda line: None).size

    # As a desk.

    @property
    def state(self) -> DeskState:
        """How everything is set at this moment."""
        live = self._live
        if live is None:
            return DeskState({})
        chosen: dict[str, str] = {"rule": live.steering.settings[0].rule, "weights": self._weights}
        for kind, source in live.sources:
            chosen["camera" if kind == "file" else kind] = source.name
        recording = any(one is not None and one.recording for one in (self._own.recorder, self._whole))
        muted, holding, looking = live.steering.muted, self._moments.holding, frozenset(self._looking)
        return DeskState(chosen, muted, recording, self._told, holding, looking)

    def choices(self, what: str) -> tuple[Choice, ...]:
        """What there is to choose from, what is in force among it."""
        if what == "rule":
            return tuple(Choice(rule, rule.removeprefix("rule")) for rule in RULES)
        known = self._found.get(what, ())
        if what == "weights":
            known = tuple(Choice(name, name) for name in (_EQUAL, *PUBLISHED))
        now = self.state.chosen.get(what)
        if now is None or any(one.value == now for one in known):
            return known
        return (Choice(now, Path(now).stem if what == "weights" else now), *known)

    def find(self, what: str) -> None:
        """Look anew for cameras or microphones; a sound system that hangs holds nothing up."""
        if what in ("camera", "microphone") and what not in self._looking:
            self._looking.add(what)
            self._do(f"{what} finder", partial(self._look, what))

    def _look(self, what: str) -> None:
        self._found[what] = tuple(Choice(name, name) for name in names_of(what))
        self._looking.discard(what)

    def choose(self, what: str, value: str) -> None:
        """Take another camera, microphone, rule or weights, and remember it."""
        live = self._live
        if live is None:
            return
        if what == "rule":
            rule = next(one for one in RULES if one == value)
            live.steering.change(rule=rule)
            self._decide_by(rule=rule)
        elif what == "weights":
            self._weigh(live, value)
        elif self.state.recording or self._recorded:
            self.tell(Told("the {kind} cannot change while a recording runs: end that first", kind=what))
        else:
            self._switch(live, what, value)

    def _weigh(self, live: Live, value: str) -> None:
        try:
            weights = load_weights(value)
        except Refused as refusal:
            self.tell(Told("the weights are not changed: {why}", why=str(refusal)))
            return
        live.steering.change(weights=weights)
        self._weights = value
        if weights.oddity:
            notice(weights.oddity)
            self._show(Told("weights {name}: a column does not sum to 1; used as it is", name=weights.name))
        self._decide_by(weights=value if value in (_EQUAL, *PUBLISHED) else None)  # a file may be gone next time

    def _switch(self, live: Live, what: str, value: str) -> None:
        def opening() -> Source:
            from realtime_cer.capture.camera import open_camera
            from realtime_cer.capture.microphone import open_microphone

            seen = what == "camera"
            source: Source = open_camera(value, time.monotonic) if seen else open_microphone(value, self._shifted)
            self._own.settle()  # what is recorded tells of the source before
            self._remember_source(what, value)
            return source

        name = safe_url(value) if "://" in value else value

        def refused(why: str) -> None:
            self.tell(Told("the {kind} is not changed: {why}", kind=what, why=why))

        live.steering.switch(name, what, opening, refused)

    def _remember_source(self, what: str, value: str) -> None:
        """Remember a device beside the one that is remembered of the other kind; an address may hold a password."""
        from realtime_cer.capture.remembered import Remembered, read_remembered, write_remembered

        if "://" in value or self._live is None:
            return
        known = read_remembered(notice)
        if known is None:
            other = "microphone" if what == "camera" else "camera"
            names = [source.name for kind, source in self._live.sources if kind == other]
            found = [one.name for one in devices_of(other) if names and names[0] in (one.name, one.select)]
            if names and not found:
                return  # what is not a device by its name cannot be remembered as one, and none would be a lie
            known = Remembered(camera=None, microphone=None).model_copy(update={other: found[0] if found else None})
        try:
            write_remembered(known.model_copy(update={what: value}))
        except Refused as refusal:
            self.tell(Told("the {kind} is not remembered: {why}", kind=what, why=str(refusal)))

    def mute(self, on: bool) -> None:
        """Leave the sound out, or take it in again."""
        if self._live is not None:
            self._live.steering.mute(on)

    def record(self, on: bool) -> None:
        """Begin a recording in the user's folder for films, or end it."""
        whole = self._whole
        if self._recorded and whole is not None and whole.error is not None and not whole.recording:
            why = f"that of --record is not whole ({whole.error}): start again for another"
            self.tell(Told("no recording is begun: {why}", why=why))
        elif self._recorded:
            self.tell(Told("this run is recorded as --record asked: it ends with the program"))
        elif self._live is not None and self._loaded.done():
            self._do("recording", self._begin_recording if on else self._end_recording)

    def _begin_recording(self) -> None:
        if self._live is not None:
            self._own.begin(self._live, self._loaded.result(), self._shifted.facts)

    def _end_recording(self) -> None:
        told = self._own.end()
        if told is not None:
            self._show(told)

    def mark(self) -> None:
        """Mark this moment of the recording that runs."""
        t = recorder.mark() if (recorder := self._own.recorder or self._whole) is not None else None
        if t is None:
            self.tell(Told("no recording runs: nothing is marked"))
        else:
            self.tell(Told("marked at {time}", time=digital(t)))

    def keep_moment(self) -> None:
        """Keep the last half minute, recorded or not; the first time, begin to hold it in memory."""
        if self._live is not None and self._may_show():
            self._do("moment", self._moments.keep)

    def keep(self, png: bytes) -> None:
        """Keep a picture of the window among the user's pictures."""
        if self._may_show():
            self._do("picture", partial(keep_picture, png, self.tell))

    def _may_show(self) -> bool:
        """Whether anybody's picture may be kept; told where it may not."""
        if self._whole is not None and self._whole.faceless:
            self.tell(Told("this run keeps nobody's picture, as --no-pixels asked: nor does this key"))
            return False
        return True

    def remember(self, **changed: Any) -> None:
        """Remember how the window looks, and what it decides by; written down when it closes."""
        self._kept = Preferences.model_validate(self._remembered().model_dump() | changed)

    def _decide_by(self, **chosen: str | None) -> None:
        self.remember(**self._remembered().deciding(self._profile, **chosen))

    def _remembered(self) -> Preferences:
        return self._kept or read_preferences(notice)

    def _do(self, name: str, work: Callable[[], None]) -> None:
        threading.Thread(target=work, name=name, daemon=True).start()

    def tell(self, line: Told) -> None:
        """Tell the user in one line, in the window in its language and on stderr in English."""
        notice(line)
        self._show(line)

    def _show(self, line: Told) -> None:
        """Tell the user in the window alone."""
        self._told = (self._told[0] + 1, line)
