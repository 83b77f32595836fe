"""The program that is put to the test, in a process of its own: the real recogniser over a real camera and microphone.

``python -m parts.chaos_program CAMERA SETTINGS`` takes its settings as JSON and writes a JSON object a line: each row
as ``live --headless`` has it, with a few more keys, and what was asked for. It reads a JSON object a line: which engine
or disk is to fail from now on. It ends in order when it is told to, or when nobody is left to tell it anything.

Concurrent activities: those of `Live`; one thread that reads the commands; the main thread, which prints the rows.
"""

import json
import resource
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from realtime_cer.capture.camera import open_camera
from realtime_cer.capture.microphone import open_microphone
from realtime_cer.capture.source import Source
from realtime_cer.commands.console import notice, weights_of
from realtime_cer.config import Config
from realtime_cer.inference import ort, silero
from realtime_cer.inference.memory import apart, trim
from realtime_cer.inference.mending import Mended
from realtime_cer.inference.profile import settled
from realtime_cer.perception import face
from realtime_cer.pipeline.live import Live
from realtime_cer.pipeline.steps import load_perception
from realtime_cer.quiet import mute_native
from realtime_cer.records import Decision
from realtime_cer.sinks.filming import Item
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session
from realtime_cer.sinks.tables import to_row

ROOM = 64 * 1024
"""Bytes that each file may have where the disk is full."""


Native = TypeVar("Native")
Answer = TypeVar("Answer")


class Spoiler:
    """What is wrong with the engines just now, by network: "raise", "nan" or "hang".

    Face finder and voice detector are among them by their names; they can only raise.
    """

    def __init__(self) -> None:
        self._wrong: dict[str, str] = {}
        self._let_go = threading.Event()

    def order(self, network: str, what: str | None) -> None:
        """Let an engine fail from its next call on, or (None) work again; calls that hang go on."""
        self._let_go.set()
        self._let_go = threading.Event()
        self._wrong = {network: what} if what else {}

    def spoil(self, network: str, outputs: Mapping[str, npt.NDArray[Any]]) -> Mapping[str, npt.NDArray[Any]]:
        """What comes of a call: its outputs, none that are numbers, an error, or nothing for a long time."""
        match self._wrong.get(network):
            case "raise":
                raise RuntimeError("the device was lost")
            case "nan":
                return {name: np.full_like(array, np.nan) for name, array in outputs.items()}
            case "hang":
                del self._wrong[network]  # one call hangs, as in a driver: an engine that is opened meanwhile works
                self._let_go.wait()
        return outputs


class Faulty(ort.OrtEngine):
    """The engine that every machine has, failing when told to."""

    spoiler = Spoiler()

    def run(self, batch: npt.NDArray[Any]) -> Mapping[str, npt.NDArray[Any]]:
        """Run the network, and spoil what comes."""
        return self.spoiler.spoil(self.manifest.name, super().run(batch))


class Breaking(Mended[Native]):
    """The face finder or the voice detector that the program has, failing in its native call when told to."""

    def ask(self, call: Callable[[Native], Answer]) -> Answer:
        """Make the call, and spoil what comes."""

        def spoiled(native: Native) -> Answer:
            answer = call(native)
            Faulty.spoiler.spoil(self.name, {})
            return answer

        return super().ask(spoiled)


class Disk:
    """A recorder that runs when told to, on a disk that may be full."""

    def __init__(self) -> None:
        self.recorder: Recorder | None = None

    def tap(self, item: Item) -> None:
        """Pass an item on to the recorder that runs just now, if one does."""
        recorder = self.recorder
        if recorder is not None:
            recorder.tap(item)

    def fill(self, full: bool) -> None:
        """Let no file of this process grow beyond `ROOM`, or let them grow again."""
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM if full else hard, hard))

    def begin(self, folder: Path) -> None:
        """Record into a new session below a folder."""
        recorder = Recorder(new_session(folder), {}, sound=True)
        recorder.begin(time.monotonic())
        self.recorder = recorder

    def end(self) -> dict[str, Any]:
        """Finish the recording; gives what is to be said of it."""
        recorder, self.recorder = self.recorder, None
        assert recorder is not None
        finished = recorder.close()
        return {"folder": str(recorder.folder), "finished": finished, "error": recorder.error}


def say(**facts: Any) -> None:
    """Write one line to the parent."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(camera: str, settings: str) -> int:
    """Entry point."""
    apart()  # as ``live`` does, and what follows it
    mute_native()
    ort.OrtEngine = Faulty  # type: ignore[misc]  # a class in place of a class
    face.Mended = silero.Mended = Breaking  # type: ignore[misc]
    config = settled(Config.model_validate({"engine": "cpu", **json.loads(settings)}))
    perception = load_perception(config, notice=notice)
    trim()
    sources: list[tuple[str, Source]] = [
        ("camera", open_camera(camera, wait=True)),
        ("microphone", open_microphone("default", wait=True)),
    ]
    disk, issued = Disk(), deque[float]()

    def tap(item: Item) -> None:
        if isinstance(item, Decision):
            issued.append(time.monotonic())
        disk.tap(item)

    reload = partial(load_perception, config)
    live = Live(config, weights_of(config), perception, sources, taps=[tap], reload=reload, notice=notice)
    over = threading.Event()

    def obey() -> None:
        try:
            for line in sys.stdin:
                match json.loads(line):
                    case {"engine": network, "what": what}:
                        Faulty.spoiler.order(network, what)
                    case {"full": full}:
                        disk.fill(full)
                    case {"record": folder}:
                        disk.begin(Path(folder))
                    case {"recorded": _}:
                        say(recorded=disk.end())
                    case {"stop": _}:
                        return
        finally:
            over.set()  # also after a fault of ours, which then shows as a program that ended too early

    with live:
        threading.Thread(target=obey, name="commands", daemon=True).start()
        for decision in live.decisions():
            states = {kind: [source.status.state, source.status.t] for kind, source in sources}
            say(row=to_row(decision), issued=issued.popleft(), states=states, wall=time.time())
            if over.is_set():
                break
        begun = time.monotonic()
        stuck = live.stop()
    say(ended={"stuck": stuck, "seconds": time.monotonic() - begun, "rows_lost": live.rows_lost})
    perception.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
