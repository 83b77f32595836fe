"""``live --record``: a session's folder, the recorder that fills it, and what is said about it in the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from realtime_cer.capture.player import Player
from realtime_cer.capture.source import Source
from realtime_cer.commands.console import notice
from realtime_cer.config import Config
from realtime_cer.pipeline.steps import Perception
from realtime_cer.sinks.recorder import Recorder, new_session


def open_recorder(
    folder: Path,
    sources: Sequence[tuple[str, Source]],
    config: Config,
    perception: Perception,
    sound_moved: Mapping[str, Any],
) -> Recorder:
    """A recorder over a new session below ``folder``; it records from ``begin`` on.

    ``sound_moved`` tells by how much sound is moved to its picture, and who said so.

    Raises
    ------
    Refused
        The folder cannot be made or written.
    """
    kinds = {kind for kind, _ in sources}
    facts = {
        "sources": [{"kind": kind, "name": source.name} for kind, source in sources],
        "sound_moved": dict(sound_moved),
        "engines": dict(perception.engines),
        "networks": dict(perception.hashes),
        "settings": config.model_dump(mode="json"),
    }
    return Recorder(new_session(folder), facts, sound="microphone" in kinds or any(_sounds(s) for _, s in sources))


def _sounds(source: Source) -> bool:
    """Whether a file is played with sound."""
    return isinstance(source, Player) and source.sounds


def end_recording(recorder: Recorder) -> None:
    """Finish the files, and tell where they are and what is missing in them."""
    finished = recorder.close()
    lines = [f"recorded to {recorder.folder}"]
    if not finished:
        lines.append("the film's encoder is stuck: its last seconds may be missing")
    if recorder.error is not None:
        lines.append(f"the recording is not whole: {recorder.error}")
    if recorder.lost:
        lost = ", ".join(f"{count} of {kind}" for kind, count in recorder.lost.items())
        lines.append(f"left out of the recording, as it could not keep up: {lost}")
    if finished and recorder.error is None and not (recorder.folder / "overlay.mkv").exists():
        lines.append("no picture came: only decisions were recorded")
    for line in lines:
        notice(line)
