"""Sessions on the disk of which a test says what they tell of themselves."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from realtime_cer.config import Config
from realtime_cer.sinks.recorder import Recorder
from realtime_cer.sinks.session import new_session

from .recording import named, record
from .replayed import decided, write_session


def tell(session: Path, **told: Any) -> Path:
    """Have a session tell something else of itself."""
    facts = json.loads((session / "session.json").read_text())
    (session / "session.json").write_text(json.dumps(facts | told))
    return session


def small(folder: Path, **told: Any) -> Path:
    """A session of one second without a film, which tells so much more."""
    return tell(write_session(folder, decided(Config(), "equal", count=5), film=False), **told)


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session of three seconds that ended in order."""
    recorder = record(tmp_path / "kept", 3.0, paced=False)
    assert recorder.close()
    assert recorder.error is None
    return recorder.folder


@pytest.fixture
def held(tmp_path: Path) -> Iterator[Path]:
    """A session that is being recorded."""
    recorder = Recorder(new_session(tmp_path / "kept"), {}, sound=False)
    recorder.begin(time.monotonic())
    recorder.tap(named(0, time.monotonic()))
    yield recorder.folder
    assert recorder.close()
