"""What fusion knows of each face in view: whether the sound is its own, and its neutral baseline. Pure.

What is asked of it from other threads takes effect with the next picture, so that a row is of one piece. But
whoever is to be forgotten is not shown from that moment on.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace

from realtime_cer.config import Config
from realtime_cer.perception.baseline import Baseline
from realtime_cer.perception.gate import Gate
from realtime_cer.records import Decision, Face, Person, Scores, SeenFace, Sound, Visual

Models = Mapping[str, Scores | None]


class People:
    """Turns what was seen and heard at one instant into a decision for every face.

    Parameters
    ----------
    config : the gate's mode; how long an unseen face is known
    """

    def __init__(self, config: Config) -> None:
        self._now: tuple[float, tuple[Person, ...]] = float("-inf"), ()
        self._forgotten = float("-inf")
        self._forgotten_after_s = config.face.lost_after_s
        # Where the mouth is the voice, it cannot be held against the voice.
        self._mode = "off" if config.voice.source == "mouth" else config.voice.gate
        self._gate = Gate(self._mode)
        self._target: int | None = None
        self._baselines: dict[int, Baseline] = {}
        self._seen: dict[int, float] = {}
        self._asked: deque[Callable[[], None]] = deque()

    def calibrate(self, face_id: int) -> None:
        """Learn this face's neutral for three seconds, and then apply it; anew where it was learned before."""
        self._asked.append(lambda: self._begin(face_id))

    def uncalibrate(self, face_id: int) -> None:
        """Undo, or break off."""
        self._asked.append(lambda: self._end(face_id))

    @property
    def now(self) -> tuple[Person, ...]:
        """Everybody in view at the newest picture, the target first; nobody of those who are to be forgotten."""
        t, people = self._now  # once: another thread may change it meanwhile
        return people if t >= self._forgotten else ()

    def forget(self, now: float) -> None:
        """Let go of everybody in pictures captured before ``now``, also of one that is still to come."""
        self._forgotten = now
        self._now = now, ()
        self._asked.append(self._clear)

    def heard(self, sound: Sound) -> None:
        """Take in when there was speech."""
        if sound.spoken and sound.t >= self._forgotten:
            self._gate.hear(sound.t, sound.spoken)

    def decide(
        self, visual: Visual | None, acoustic: Scores | None, row: Callable[[Models, Face | None], Decision]
    ) -> Decision:
        """The target's decision, with those of the others in view.

        Parameters
        ----------
        visual : what was seen at this instant, None where that is missing; one that was not searched tells nothing
        acoustic : the sound's scores that count
        row : makes a decision of a face's scores
        """
        if visual is None or not visual.searched:
            return row({"static": None, "dynamic": None, "acoustic": self._own(self._target, acoustic)}, None)
        self._look(visual)
        if visual.face is None:
            first = row({"static": None, "dynamic": None, "acoustic": self._own(self._target, acoustic)}, None)
        else:
            face = visual.face
            first = row(self._models(face.id, visual.static, visual.dynamic, acoustic), face)
        others = [one for one in visual.faces if one.face.id != self._target]
        people = tuple(self._person(one, self._other(one, acoustic, row)) for one in others)
        mine = next((one for one in visual.faces if one.face.id == self._target), None)
        self._now = visual.frame_t, people if mine is None else (self._person(mine, first), *people)
        return replace(first, people=people) if people else first

    def _look(self, visual: Visual) -> None:
        while self._asked:
            self._asked.popleft()()
        t = visual.frame_t
        self._gate.look(t, {one.face.id: one.mouth for one in visual.faces})
        self._seen |= {one.face.id: t for one in visual.faces}
        self._seen = {i: last for i, last in self._seen.items() if t - last <= self._forgotten_after_s + 1e-6}
        self._baselines = {i: one for i, one in self._baselines.items() if i in self._seen}
        if visual.face is not None:
            self._target = visual.face.id
        elif self._target not in self._seen:
            self._target = None

    def _own(self, face_id: int | None, acoustic: Scores | None) -> Scores | None:
        """The sound's scores, if they are the target's; nobody's are everybody's."""
        return acoustic if face_id is None or self._gate.joins(face_id, target=True) else None

    def _other(
        self, one: SeenFace, acoustic: Scores | None, row: Callable[[Models, Face | None], Decision]
    ) -> Decision:
        joined = acoustic if self._gate.joins(one.face.id, target=False) else None
        return row(
            self._shifted(one.face.id, {"static": one.static, "dynamic": one.dynamic, "acoustic": joined}), one.face
        )

    def _models(self, face_id: int, static: Scores | None, dynamic: Scores | None, acoustic: Scores | None) -> Models:
        return self._shifted(face_id, {"static": static, "dynamic": dynamic, "acoustic": self._own(face_id, acoustic)})

    def _shifted(self, face_id: int, models: Models) -> Models:
        baseline = self._baselines.get(face_id)
        if baseline is None:
            return models
        baseline.learn(self._seen[face_id], models)
        return {name: baseline.applied(name, scores) for name, scores in models.items()}

    def _person(self, one: SeenFace, decision: Decision) -> Person:
        i = one.face.id
        baseline = self._baselines.get(i)
        return Person(
            id=i,
            box=one.face.box,
            decision=decision,
            speaking=None if self._mode == "off" else self._gate.evidence(i),
            gated=self._gate.joins(i, target=i == self._target),
            calibrated=baseline is not None and bool(baseline.shifts),
            calibrating=None if baseline is None else baseline.progress,
        )

    def _begin(self, face_id: int) -> None:
        if face_id in self._seen:
            self._baselines[face_id] = Baseline()

    def _end(self, face_id: int) -> None:
        self._baselines.pop(face_id, None)

    def _clear(self) -> None:
        self._baselines.clear()
        self._seen.clear()
        self._gate = Gate(self._mode)
        self._target = None
