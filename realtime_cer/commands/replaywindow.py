"""The window over a session that is played, and what its controls ask for."""

import argparse
import gc
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from realtime_cer.commands.console import notice
from realtime_cer.commands.snapshots import keep_picture
from realtime_cer.config import PUBLISHED, Config
from realtime_cer.control import Choice, DeskState
from realtime_cer.errors import Refused
from realtime_cer.labels import MODELS
from realtime_cer.preferences import read_preferences
from realtime_cer.records import Decision
from realtime_cer.rules import RULES
from realtime_cer.sessions.lines import sort_lines
from realtime_cer.sessions.player import Player
from realtime_cer.sessions.timeline import Wish, timeline
from realtime_cer.sinks.marks import mark_of
from realtime_cer.sinks.session import MARKS
from realtime_cer.told import Told
from realtime_cer.why import without

if TYPE_CHECKING:
    from realtime_cer.commands.replay import SettingsOf
    from realtime_cer.commands.rows import Kept
    from realtime_cer.ui.app import Stage
    from realtime_cer.ui.replay import ReplayWindow

THEN = "then"
"""Stands for the rule, or the weights, that each row was decided by."""


class ReplayDesk:
    """A ``Desk`` over a session that is played: another rule and other weights, and pictures of the window.

    Parameters
    ----------
    facts : what the folder tells of its rows
    options : of ``replay``; what is not chosen here stays as they say
    first : the settings that are in force at first
    then : what the settings of then are called
    """

    def __init__(
        self, facts: Mapping[str, object], options: argparse.Namespace, first: "SettingsOf", then: str
    ) -> None:
        self._facts, self._options, self._then = facts, options, Choice(THEN, then)
        self._player: Player | None = None
        self._told = (0, "")
        self._by: dict[SettingsOf, dict[str, str]] = {
            first: {"rule": options.rule or THEN, "weights": options.weights or THEN}
        }

    def attach(self, player: Player) -> None:
        """Steer this player from now on."""
        self._player = player

    @property
    def state(self) -> DeskState:
        """How the session is decided."""
        player = self._player
        chosen = {} if player is None else self._by[player.wish.settings_of]
        return DeskState(chosen, told=self._told)

    def choices(self, what: str) -> tuple[Choice, ...]:
        """What there is to choose from, what is in force among it."""
        if what == "rule":
            return (self._then, *(Choice(rule, rule.removeprefix("rule")) for rule in RULES))
        if what != "weights":
            return ()
        names = dict.fromkeys(("equal", *PUBLISHED, *([self._options.weights] if self._options.weights else ())))
        return (self._then, *(Choice(name, Path(name).stem if name.endswith(".toml") else name) for name in names))

    def find(self, what: str) -> None:
        """Nothing: there are no devices here."""

    def choose(self, what: str, value: str) -> None:
        """Decide the session by another rule, or other weights, in the background."""
        from realtime_cer.commands.replay import settings_by_row

        player = self._player
        if player is None:
            return
        chosen = {**self.state.chosen, what: value}
        flags = {name: None if one == THEN else one for name, one in chosen.items()}
        try:
            _, settings_of = settings_by_row(self._facts, argparse.Namespace(**{**vars(self._options), **flags}))
        except Refused as refusal:
            self.tell(Told("decided as before: {why}", why=str(refusal)))
            return
        self._by[settings_of] = chosen
        player.retell(Wish(settings_of, player.wish.without, player.wish.smoothing_s))

    def mute(self, on: bool) -> None:
        """Nothing: what was heard then is in the rows."""

    def record(self, on: bool) -> None:
        """Nothing: it is recorded."""

    def mark(self) -> None:
        """Nothing: marks are of what was lived through."""

    def keep_moment(self) -> None:
        """Nothing: it is kept."""

    def keep(self, png: bytes) -> None:
        """Keep a picture of the window among the user's pictures."""
        threading.Thread(target=keep_picture, args=[png, self.tell], name="picture", daemon=True).start()

    def remember(self, **changed: object) -> None:
        """Nothing: how a session is looked at is no wish for live."""

    def tell(self, line: Told) -> None:
        """Tell the user, from any thread."""
        notice(line)
        self._told = (self._told[0] + 1, line)


def show_replay(
    found: "Kept",
    settings_of: "SettingsOf",
    known: Sequence[Decision] | None,
    config: Config,
    options: argparse.Namespace,
) -> None:
    """Play a session in a window until that is closed; the arguments are those of ``open_replay``."""
    with open_replay(found, settings_of, known, config, options) as stage:
        stage.turn(lambda: False)


@contextmanager
def open_replay(
    found: "Kept",
    settings_of: "SettingsOf",
    known: Sequence[Decision] | None,
    config: Config,
    options: argparse.Namespace,
) -> "Iterator[Stage[ReplayWindow]]":
    """A window over a session, which the caller turns.

    Parameters
    ----------
    found : the rows as they were recorded, and what is beside them
    settings_of : by what each is to be decided
    known : what comes of that, where it is known; not smoothed
    config : the rule and weights that the first line names where there is no decision
    options : of ``replay``
    """
    from realtime_cer.quiet import mute_native
    from realtime_cer.ui.app import Stage
    from realtime_cer.ui.moment import Looks
    from realtime_cer.ui.replay import ReplayWindow
    from realtime_cer.ui.text import text_of

    if sys.stderr is sys.__stderr__:
        mute_native()  # a loudspeaker that is unplugged makes the sound library talk
    window = read_preferences(notice).applied(Config()).window
    marks = _marks(found.folder)
    wish = Wish(settings_of, frozenset(options.without), options.smoothing)
    first = timeline(found.rows, wish, known, marks=marks)
    assert first is not None
    text = text_of(window.spoken)
    desk = ReplayDesk(found.facts, options, settings_of, text.replay.of_then)
    with Player(found.rows, first, found.film, marks, desk.tell) as player:
        desk.attach(player)
        looks = Looks(
            theme=window.theme,
            language=window.spoken,
            smoothing_s=options.smoothing,
            mirror=False,
            without=partial(_without, player),
        )
        title = found.title
        if missing := ", ".join(text.models[name] for name in MODELS if name in options.without):
            title = f"{title} · {text.replay.without.format(models=missing)}"

        def make() -> ReplayWindow:
            rule = config.rule.removeprefix("rule")
            return ReplayWindow(player, title, rule, config.weights, looks, desk, compared=options.compare)

        # A full search for garbage through an hour of rows takes long, and nothing moves meanwhile.
        gc.freeze()
        try:
            with Stage(make) as stage:
                yield stage
        finally:
            gc.unfreeze()


def _without(player: Player, row: Decision) -> Mapping[str, str | None]:
    """What a row would have said without each of its models, by the settings of now."""
    config, weights = player.in_force.settings_of(row)
    return without(row, weights, config.rule, config.always_decide)


def _marks(folder: Path) -> tuple[float, ...]:
    """The times that were marked; told where some cannot be read, as a session is worth something without."""
    path = folder / MARKS
    try:
        found = sort_lines(path, mark_of)
    except FileNotFoundError:
        return ()
    except OSError as error:
        notice(f"{path} cannot be read ({error.strerror}): going on without marks")
        return ()
    if told := found.notice(path):
        notice(told)
    return tuple(one.t for one in found.values)
