"""Where a visit to the kiosk stands. Pure: ``now`` is an argument, in seconds that never go back.

::

    attract ── somebody comes ──▶ notice ── agrees ──▶ live ◀──▶ pose
       ▲                            │                    │
       ├──────── nobody is left ────┴────────────────────┤
       └─────────── forgotten ◀────── "forget me" ───────┘

Nothing of a picture, and nothing recognised, is for anybody's eyes but in ``SHOWING``; nobody gets there without having
agreed; what was seen of them before is wiped then, and everything when they leave.
"""

from dataclasses import dataclass
from typing import Final, Literal

State = Literal["attract", "notice", "live", "pose", "forgotten"]

SHOWING: Final[frozenset[State]] = frozenset({"live", "pose"})

ARRIVE_S: Final = 0.6
"""A face must be there for so long, to be somebody and no passing mistake."""

SAME_S: Final = 2.0
"""Whoever comes into view after a longer absence of the visitor is taken for somebody else, who must be asked."""

FAREWELL_S: Final = 4.0
"""How long the screen says that everything is wiped."""

_BLINK_S = 0.5
"""A face that is missed for a shorter time has not left."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Who is in view: the ids of all faces, and how far the mouth of the target is open; None without one."""

    faces: frozenset[int] = frozenset()
    opening: float | None = None


class Hold:
    """The gesture of consent: a mouth opened wide, and held so.

    It must be closed first, so that neither a laugh nor a picture of one agrees to anything; once open it may sink to
    ``keep`` before it counts as closed.

    Parameters
    ----------
    least, keep : of ``perception.gesture.gape``: of laughing faces one in thirty passes 0.46
    seconds : how long
    """

    def __init__(self, least: float = 0.5, keep: float = 0.4, seconds: float = 1.5) -> None:
        self._least, self._keep, self._seconds = least, keep, seconds
        self.reset()

    def reset(self) -> None:
        """Begin anew, with a closed mouth."""
        self._armed = False
        self._since: float | None = None

    def feed(self, now: float, opening: float | None) -> float:
        """Take the newest opening, None where there is no mouth; gives how much of the gesture is done, 0 to 1."""
        if opening is None:
            self.reset()
            return 0.0
        if opening < self._keep:
            self._armed, self._since = True, None
        elif self._armed and self._since is None and opening >= self._least:
            self._since = now
        return 0.0 if self._since is None else min((now - self._since) / self._seconds, 1.0)


class Visit:
    """Who is there, and what may be shown to them.

    A visit belongs to the faces that were in view when somebody agreed. Faces that come later are guests of theirs; a
    visitor whom the tracker takes for a new face within ``SAME_S`` is still the visitor.

    Parameters
    ----------
    ask : whether people must agree before anything is shown
    leave_s : a visitor who was not seen for so long has left

    Attributes
    ----------
    state, since : what is shown, and since when
    consent : how much of the gesture is done, 0 to 1
    """

    def __init__(self, *, ask: bool = True, leave_s: float = 6.0) -> None:
        self.state: State = "attract"
        self.since = float("-inf")
        self.consent = 0.0
        self._ask, self._leave_s = ask, leave_s
        self._hold = Hold()
        self._visitors: frozenset[int] = frozenset()
        self._guests: frozenset[int] = frozenset()
        self._faces: frozenset[int] = frozenset()
        self._came = self._last = self._met = float("-inf")

    @property
    def idle_since(self) -> float:
        """When anybody was seen last."""
        return self._last

    def look(self, now: float, seen: Seen) -> bool:
        """Take in who is in view; gives whether everything that is held of people must be wiped now."""
        self._faces = seen.faces
        if seen.faces:
            if now - self._last > _BLINK_S:
                self._came = now
            self._last = now
        if self.state in SHOWING:
            return self._accompany(now, seen.faces)
        if self.state == "forgotten":
            if now - self.since >= FAREWELL_S:
                self._turn("attract", now)
            return False
        if self.state == "attract":
            if seen.faces and now - self._came >= ARRIVE_S:
                self._welcome(now)
            return False
        self.consent = self._hold.feed(now, seen.opening)
        if self.consent >= 1.0:
            return self.agree(now)
        return self._leave(now) if now - max(self._last, self.since) >= self._leave_s else False

    def agree(self, now: float) -> bool:
        """Somebody agrees, where they were asked; gives whether what is held from before must be wiped now."""
        if self.state != "notice":
            return False
        self._begin(now)
        return True

    def forget(self, now: float) -> bool:
        """Somebody wants to be forgotten; gives whether everything must be wiped now, which is always so."""
        if self.state != "attract":
            self._visitors = self._guests = frozenset()
            self._turn("forgotten", now)
        return True

    def pose(self, now: float, on: bool) -> None:
        """Begin or end to pose; only for those who agreed."""
        if self.state == ("live" if on else "pose"):
            self._turn("pose" if on else "live", now)

    def _welcome(self, now: float) -> None:
        if self._ask:
            self._turn("notice", now)
        else:
            self._begin(now)

    def _begin(self, now: float) -> None:
        self._visitors, self._guests, self._met = self._faces, frozenset(), now
        self._turn("live", now)

    def _accompany(self, now: float, faces: frozenset[int]) -> bool:
        """Whether the visitors have left, or others have taken their place."""
        strangers = faces - self._visitors
        if faces & self._visitors:
            self._met = now
            self._guests |= strangers
            return False
        away = now - self._met
        if away <= SAME_S and strangers - self._guests:
            self._visitors |= strangers - self._guests
            self._met = now
            return False
        return self._leave(now) if (faces and away > SAME_S) or away >= self._leave_s else False

    def _leave(self, now: float) -> bool:
        self._visitors = self._guests = frozenset()
        self._turn("attract", now)
        return True

    def _turn(self, state: State, now: float) -> None:
        self.state, self.since = state, now
        self.consent = 0.0
        self._hold.reset()
