"""What is told of sources on standard error."""

from collections.abc import Iterator

import pytest
from parts.moments import decision

from realtime_cer.capture.source import Counters, SourceStatus, State
from realtime_cer.commands.watching import announced
from realtime_cer.records import Decision


class Told:
    """A camera that is in this state."""

    name = "Garden"

    def __init__(self) -> None:
        self.status = SourceStatus("live", "camera Garden", 0.0)
        self.counters = Counters()

    def items(self, stop: object) -> Iterator[Decision]:
        """Nothing comes from it."""
        yield from ()

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(
    ("state", "detail", "line"),
    [
        ("absent", "camera Garden: it is not there", "camera Garden: it is not there (absent)"),
        ("lost", "unplugged", "camera Garden: lost, unplugged"),
        ("stalled", "", "camera Garden: stalled"),
    ],
)
def test_a_source_in_another_state_is_named_once(
    state: State, detail: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    camera = Told()
    rows = announced(iter([decision(n, n / 5) for n in range(3)]), [("camera", camera)])
    next(rows)
    camera.status = SourceStatus(state, detail, 1.0)
    next(rows)
    next(rows)
    assert capsys.readouterr().err == f"realtime-cer: {line}\n"
