"""Each fault once, with real parts: what fails is borne, what does not goes on, and no row is ever lost.

One program runs through all of it, in a process of its own. Waits are generous, for two cores may be busy with other
things; loss is judged exactly.
"""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from parts import pulse
from parts.chaos import Stage
from parts.chaos_faults import FAULTS, HEARD, SEEN, Fault, why_not
from parts.chaos_judge import Injected, between, damaged, lost, recovery

READY_S = 40.0
SHOWS_S = 25.0
BACK_S = 8.0


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    why = pulse.missing()
    if why:
        pytest.skip(why)
    # Busy cores must not make it do less here: that has tests of its own.
    with Stage(tmp_path_factory.mktemp("stage"), ladder=False) as stage:
        assert stage.settle(READY_S), stage.program.last_words
        yield stage


@pytest.fixture(scope="module")
def before(stage: Stage) -> tuple[float, int, int]:
    """Memory, threads and handles when nothing has failed yet."""
    return stage.program.usage()


def played(stage: Stage, fault: Fault) -> Injected:
    """Let something fail until it is seen in the rows, then mend it."""
    program = stage.program
    if not stage.settle(READY_S):
        stage.revive(kill=True)  # for those that follow
        pytest.fail(f"not well before: {program.rows[-1:]} {program.last_words}")
    so_far, began = len(program.rows), time.monotonic()
    fault.begin(stage)
    try:
        shown = program.until(lambda: fault.shows(program.rows[so_far:]), SHOWS_S)
    finally:
        fault.end(stage)
    assert program.alive, program.last_words
    assert shown, f"it does not show: {program.rows[-1:]}"
    return Injected(fault.name, fault.touches, fault.slows, began, time.monotonic())


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name.replace(" ", "-"))
def test_what_fails_is_borne_and_used_again(stage: Stage, before: tuple[float, int, int], fault: Fault) -> None:
    why = why_not(fault)
    if why:
        pytest.skip(why)
    injected = played(stage, fault)
    rows = stage.program.rows
    assert stage.program.until(lambda: recovery(rows, injected) is not None, BACK_S), rows[-1].states
    assert lost(rows) == []
    assert all(row.finite for row in rows)
    inside = between(rows, injected.began, injected.ended)
    for model in {"static", "acoustic"} - fault.touches:
        assert len(inside) < 5 or any(model in row.models for row in inside), f"{model} did not go on"


def test_the_disk_filled_up_and_what_was_written_can_be_read(stage: Stage) -> None:
    [fault] = [each for each in FAULTS if each.name.startswith("disk")]
    played(stage, fault)
    assert stage.program.until(lambda: "recorded" in stage.program.said, 10)
    recorded = stage.program.said["recorded"]
    assert recorded["error"], "the disk was never full"
    assert recorded["finished"]
    assert damaged(Path(recorded["folder"])) is None


def test_both_sources_go_and_come_at_once_again_and_again(stage: Stage) -> None:
    both = [fault for fault in FAULTS if fault.touches == SEEN | HEARD]
    for fault in both * 2:
        injected = played(stage, fault)
        rows = stage.program.rows
        assert stage.program.until(lambda: recovery(rows, injected) is not None, BACK_S)  # noqa: B023


def test_nothing_is_left_of_all_that(stage: Stage, before: tuple[float, int, int]) -> None:
    assert not stage.ended, "it had to be started again"
    assert stage.settle(READY_S)
    _, threads, handles = before

    def as_before() -> bool:
        _, now_threads, now_handles = stage.program.usage()
        return now_threads <= threads and now_handles <= handles

    assert stage.program.until(as_before, 15), (before, stage.program.usage())
    begun = time.monotonic()
    assert stage.program.close() == 0, stage.program.last_words
    assert time.monotonic() - begun < 10
    assert stage.program.said["ended"]["stuck"] == []
    assert stage.program.said["ended"]["rows_lost"] == 0
    assert lost(stage.program.rows) == []
