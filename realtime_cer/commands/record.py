"""``live --record`` and ``--keep``: what fills sessions' folders, and what is said about them in the end."""

import shutil
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_cer.capture.player import Player
from realtime_cer.capture.source import Source
from realtime_cer.commands.console import notice
from realtime_cer.commands.recording import Recording, Terms
from realtime_cer.commands.sessions import forget_old, run_repair
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.pipeline.steps import Perception
from realtime_cer.sinks.keeper import Keeper
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import make_folder, new_session
from realtime_cer.told import Told

_tidying = threading.Lock()
"""Two folders may be one: what the first deletes is not there for the second."""


def open_recorder(
    recording: Recording,
    terms: Terms,
    sources: Sequence[tuple[str, Source]],
    config: Config,
    weights: FusionWeights,
    perception: Perception,
    sound_moved: Mapping[str, Any],
    tell: Callable[[Told], None] = notice,
) -> Recorder:
    """A recorder over a new session; it records from ``begin`` on.

    ``sound_moved`` tells by how much sound is moved to its picture, and who said so; ``tell`` is told, from any thread,
    what becomes of the recording. Meanwhile sessions that a killed program left below the folder are repaired, and
    those whose days are over deleted.

    Raises
    ------
    Refused
        The folder cannot be made or written.
    """
    kinds = {kind for kind, _ in sources}
    facts = {
        **session_facts(sources, config, weights, sound_moved),
        **terms.facts,
        "engines": dict(perception.engines),
        "networks": dict(perception.hashes),
    }
    folder = new_session(recording.folder)
    try:
        recorder = Recorder(
            folder,
            facts,
            sound="microphone" in kinds or any(_sounds(source) for _, source in sources),
            pictures="camera" in kinds or any(_shows(source) for _, source in sources),
            film=recording.film,
            notice=tell,
        )
    except Refused:
        shutil.rmtree(folder, ignore_errors=True)  # a kiosk tries at each start
        raise
    tidy(recording.folder)
    return recorder


def open_keeper(folder: Path, facts: Callable[[], Mapping[str, Any]], tell: Callable[[Told], None] = notice) -> Keeper:
    """A keeper of the moment just gone, which the signal USR1 asks to keep it, on systems that have that.

    ``facts`` gives what a moment tells when it is kept. Meanwhile the folder is tidied as that of a recording.

    Raises
    ------
    Refused
        The folder cannot be made or written.
    """
    make_folder(folder, "--keep")
    keeper = Keeper(folder, facts, tell)
    if hasattr(signal, "SIGUSR1") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, lambda *_: keeper.keep())
    tidy(folder)
    return keeper


def session_facts(
    sources: Sequence[tuple[str, Source]], config: Config, weights: FusionWeights, sound_moved: Mapping[str, Any]
) -> dict[str, Any]:
    """What a session tells of how it came about, as far as it is known before the networks are loaded."""
    models = weights.models
    return {
        "sources": [{"kind": kind, "name": source.name} for kind, source in sources],
        "sound_moved": dict(sound_moved),
        "settings": config.model_dump(mode="json"),
        "fusion": {
            "name": weights.name,
            "classes": weights.classes.tolist(),
            "models": None if models is None else models.tolist(),
        },
    }


def tidy(folder: Path) -> None:
    """Delete the sessions of a folder whose days are over, and repair those of killed programs, in the background."""

    def work() -> None:
        with _tidying:
            try:
                forget_old(folder)
                run_repair(folder, quiet=True)
            except Refused as refusal:
                notice(str(refusal))

    threading.Thread(target=work, name="tidying", daemon=True).start()


def _sounds(source: Source) -> bool:
    """Whether a file is played with sound."""
    return isinstance(source, Player) and source.sounds


def _shows(source: Source) -> bool:
    """Whether a file is played that has a picture."""
    return isinstance(source, Player) and source.shows


def end_recording(recorder: Recorder) -> Told:
    """Finish the files, and tell where they are and what is missing in them; gives the gist of it, for a window."""
    finished = recorder.close()
    missing: list[str] = []
    if not finished:
        missing.append("its disk or its encoder is stuck: the last seconds of its film may be missing")
    if recorder.error is not None:
        missing.append(f"the recording is not whole: {recorder.error}")
    if finished and not recorder.ended:
        missing.append(f"its end could not be written: make room, then realtime-cer sessions repair {recorder.folder}")
    if recorder.lost:
        lost = ", ".join(f"{count} of {kind}" for kind, count in recorder.lost.items())
        missing.append(f"left out of the recording, as it could not keep up: {lost}")
    if finished and recorder.error is None and not any(recorder.folder.glob("*.mkv")):
        missing.append("no picture came: only decisions were recorded")
    for line in (f"recorded to {recorder.folder}", *missing):
        notice(line)
    if not missing:
        return Told("recorded to {folder}", folder=recorder.folder)
    why = recorder.error or missing[0]
    return Told("recorded, but not whole ({why}): {folder}", folder=recorder.folder, why=why)
