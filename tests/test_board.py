"""What a running recogniser shows: the last minute, and no more of it."""

from dataclasses import replace

from parts.moments import decision

from realtime_cer.buffers import GRID_S
from realtime_cer.pipeline.board import Board

ROW = decision(0, 0.0)


def test_a_minute_is_held_and_no_more_also_at_half_the_rate_and_after_a_hole() -> None:
    board = Board([])
    for step, most in ((1, 300), (2, 150)):
        for k in range(0, 1000, step):
            row = replace(ROW, seq=k, t=(1000 * step + k) * GRID_S)
            board.issued(row, row.t)
        held = board.snapshot(row.t).history
        assert held[-1] is row
        assert held[0].t > row.t - 60
        assert most - 1 <= len(held) <= most + 1
    later = replace(ROW, seq=150_000, t=30_000.0)
    board.issued(later, later.t)
    assert board.snapshot(later.t).history == (later,)
