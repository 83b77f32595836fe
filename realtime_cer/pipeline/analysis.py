"""Seeing and hearing at work: a thread each, which can be given up and begun anew with fresh networks.

A call into native code that hangs cannot be broken off. Its thread is then abandoned: what it has in hand is dropped,
and another thread goes on in its place. Few are abandoned at the same time, for each keeps its networks in memory.
"""

import contextlib
import gc
import logging
import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import Literal

from realtime_cer.buffers import AudioRing, FrameRing
from realtime_cer.inference.memory import trim
from realtime_cer.pipeline.ladder import LANDMARKS, ONE, RATE, SOUND, Ladder
from realtime_cer.pipeline.shared import Shared
from realtime_cer.pipeline.steps import Perception
from realtime_cer.pipeline.worker import Worker
from realtime_cer.records import SAMPLE_RATE, Floats, Picture, Sound, Visual

MOST_ABANDONED = 3

_POLL_S = 0.1
_LEAVE_S = 0.5
_SLOW_STEP = SAMPLE_RATE

_log = logging.getLogger("realtime_cer")

Modality = Literal["video", "sound"]


class Analysis:
    """The video and the sound worker over their buffers.

    Parameters
    ----------
    shared : its inbox takes the results
    perception : loaded networks
    frames, sound : what is analysed
    reload : loads networks once more, for a worker that hangs in them; None where that is not to be done
    """

    def __init__(
        self,
        shared: Shared,
        perception: Perception,
        frames: FrameRing,
        sound: AudioRing,
        reload: Callable[[], Perception] | None,
    ) -> None:
        self._shared, self._reload = shared, reload
        self._frames, self._sound = frames, sound
        self._step = perception.hearing.step
        self._rung, self._deaf = 0, False
        self._renewed = False
        self._forgetting = threading.Event()
        self._lock = threading.Lock()
        self._abandoned: list[Worker] = []
        self._reloading: list[Worker] = []
        self._given_up: set[Modality] = set()
        self._take(perception)
        self._workers: dict[Modality, Worker] = {"video": self._worker("video"), "sound": self._worker("sound")}

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Those at work now; abandoned ones are not among them."""
        return tuple(self._workers.values())

    @property
    def loaders(self) -> tuple[Worker, ...]:
        """Those that load fresh networks just now."""
        return tuple(self._reloading)

    @property
    def vacant(self) -> tuple[str, ...]:
        """Modalities without a worker, as ``reload-…`` while they are being begun anew; the others are given up."""
        return tuple(
            name if name in self._given_up else _loader(name)
            for name, worker in self._workers.items()
            if worker.abandoned
        )

    @property
    def given_up(self) -> frozenset[str]:
        """Modalities that only another process can begin anew."""
        return frozenset(self._given_up)

    @property
    def seen_all(self) -> bool:
        """Whether all pictures there were are seen, and more are asked for; nothing is expected of one that hangs."""
        return self._frames.idle or self._workers["video"].abandoned

    @property
    def heard_all(self) -> bool:
        """The same of sound."""
        return self._sound.idle or self._workers["sound"].abandoned

    @property
    def sound_end(self) -> int:
        """How much sound came."""
        return self._sound.end

    def start(self) -> None:
        """Start both workers.

        What there is by now stays: Python's collector passes it over until ``close``. To look through all of it takes
        150 ms, every half minute, in which no thread moves and a decision misses its picture.
        """
        gc.freeze()
        for worker in self.workers:
            worker.start()

    def close(self) -> None:
        """Free what was loaded here; the first networks belong to whoever gave them.

        A moment is waited for that: an engine that is being built, or a call that hangs, may hold it up for seconds.
        """
        gc.unfreeze()
        if self._renewed:
            freeing = threading.Thread(target=_free, args=(self._perception,), name="freeing", daemon=True)
            freeing.start()
            freeing.join(_LEAVE_S)

    def forget(self) -> None:
        """Let go of all pictures and sound, and of the faces, before the next picture is seen; from any thread."""
        self._sound.forget()
        self.forget_faces()

    def forget_faces(self) -> None:
        """Let go of all pictures and faces, before the next picture is seen; from any thread."""
        self._frames.forget()
        self._forgetting.set()

    def cut(self, picture: Picture, landmarks: Floats) -> Picture:
        """A face as the static network is given it: (S, S, 3) RGB of a BGR picture and (478, 2) landmarks."""
        return self._perception.seeing.static.cut(picture, landmarks)

    def choose(self, face_id: int | None) -> None:
        """Make this face the target while it is in view; None lets size or place decide."""
        self._perception.seeing.tracker.choose(face_id)

    def bend(self, ladder: Ladder) -> None:
        """Do as little as the rung of the ladder says."""
        self._rung = ladder.rung
        blind = ladder.rung == ONE and ladder.rests == "picture"
        self._deaf = ladder.rung == ONE and ladder.rests == "sound"
        self._frames.every = 0 if blind else 2 if ladder.rung >= RATE else 1
        self._perception.seeing.sparing = ladder.rung >= LANDMARKS

    def renew(self, worker: Worker) -> bool:
        """Give up a worker that hangs, and let another take its place as soon as there are fresh networks for it.

        Gives whether that was told, now or before; not for workers of others, and where nothing can be loaded.
        """
        name = next((name for name, one in self._workers.items() if one is worker), None)
        if name is None or self._reload is None:
            return False
        if worker.abandoned or name in self._given_up:
            return True
        self._abandoned = [one for one in self._abandoned if one.alive]
        if len(self._abandoned) >= MOST_ABANDONED:
            self._given_up.add(name)
            self._shared.notice(f"{name} hangs once more and is given up: end the program and start it again")
            return True
        worker.abandon()
        self._abandoned.append(worker)
        self._shared.notice(f"{name} hangs and is begun anew; the other goes on")
        loader = Worker(
            _loader(name), partial(self._begin_anew, name, self._reload), self._shared.stop, self._shared.clock
        )
        self._reloading = [*(one for one in self._reloading if one.alive), loader]
        loader.start()
        return True

    def _begin_anew(self, name: Modality, reload: Callable[[], Perception], loader: Worker) -> None:
        """Put fresh networks and a worker in the place of those that hang."""
        try:
            fresh = reload()
        except Exception as error:  # whatever broke the networks may keep new ones from loading: no fault of ours
            _log.exception("%s cannot be begun anew", name)
            self._given_up.add(name)
            why = " ".join(str(error).split())[:200] or type(error).__name__
            self._shared.notice(f"{name} cannot be begun anew and is given up: {why}")
            return
        if not loader.going:
            _free(fresh)
            return
        fresh.hearing.skip(self._sound)
        fresh.seeing.tracker.next_id = self._perception.seeing.tracker.next_id  # nobody gets the id of another
        with self._lock:
            renewed, rest = self._perception.exchanged(fresh, seeing=name == "video")
            self._take(renewed)
            self._renewed = True
        self._workers[name] = self._worker(name)
        self._workers[name].start()
        self._shared.notice(f"{name} goes on")
        _free(rest)
        del fresh, rest  # else what was closed is not freed yet
        trim()

    def _take(self, perception: Perception) -> None:
        """Use these networks from now on."""
        perception.seeing.probe = perception.hearing.probe = self._shared.metering
        perception.seeing.voice = perception.hearing.voice  # one may listen to what the other sees
        self._perception = perception
        self._shared.board.engines = perception.engines
        perception.seeing.sparing = self._rung >= LANDMARKS

    def _worker(self, name: Modality) -> Worker:
        work = self._video if name == "video" else self._listen
        return Worker(name, work, self._shared.stop, self._shared.clock)

    def _video(self, worker: Worker) -> None:
        seeing = self._perception.seeing
        while worker.going:
            grid = self._frames.take(_POLL_S)
            if self._forgetting.is_set():
                self._forgetting.clear()
                seeing.forget()
            if grid is None:
                continue
            if grid.arrived is not None:
                self._shared.metering.add("wait", self._shared.clock() - grid.arrived)
            self._shared.metering.drop("overtaken", grid.dropped)
            with worker.working(), self._shared.metering.timed("video"):
                visual = seeing.see(grid)
            if worker.going:
                self._shared.board.seen(grid.frame, visual)
                self._send(visual, worker)

    def _listen(self, worker: Worker) -> None:
        hearing = self._perception.hearing
        while worker.going:
            # Between two windows only: what is waited for must be what is taken in.
            hearing.step = max(self._step, _SLOW_STEP) if self._rung >= SOUND else self._step
            if not self._sound.wait(hearing.next_end, _POLL_S) or not worker.going:
                continue
            if self._deaf:
                hearing.skip(self._sound)
                continue
            with worker.working(), self._shared.metering.timed("sound"):
                heard = hearing.hear(self._sound)
            if worker.going:
                self._shared.board.heard(heard)
                self._send(heard, worker)

    def _send(self, result: Visual | Sound, worker: Worker) -> None:
        """Hand a result to fusion; it is never lost, for fusion takes microseconds."""
        while worker.going:
            with contextlib.suppress(queue.Full):
                self._shared.inbox.put(result, timeout=_POLL_S)
                return


def _loader(name: Modality) -> str:
    """Name of the worker that loads fresh networks for a modality."""
    return f"reload-{name}"


def _free(perception: Perception) -> None:
    """Close networks that nobody uses any more; what hung in them may have left them in any state."""
    try:
        perception.close()
    except Exception:  # native code, and no fault of ours: they stay in memory
        _log.exception("networks that are of no use any more cannot be freed")
