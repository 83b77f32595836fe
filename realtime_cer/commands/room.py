"""``kiosk-matrix``: what visitors of a kiosk were asked to show, and what the machine said."""

from pathlib import Path

from realtime_cer.commands.console import notice, put_row
from realtime_cer.errors import Refused
from realtime_cer.kiosk.room import SAID, Room, read_room, write_room

CSV, PNG = "kiosk-matrix.csv", "kiosk-matrix.png"


def run_matrix(out: Path | None, *, clear: bool = False) -> int:
    """The ``kiosk-matrix`` command; gives the exit code.

    Parameters
    ----------
    out : folder for a table and a picture; None to print the table
    clear : begin anew afterwards

    Raises
    ------
    Refused
        The matrix cannot be read, the folder not be written, or nothing is counted yet that could be shown.
    """
    room = read_room()
    if not room.total and (out is not None or not clear):
        raise Refused("nothing is counted yet: visitors of live --kiosk press P to pose, and Y where that was it")
    if out is None:
        put_row(room.table().rstrip("\n"))
    else:
        _export(room, out)
        notice(f"{room.total} poses, {room.agreed} as asked, {room.left_out} left out: {out / CSV}, {out / PNG}")
    if clear:
        write_room(Room())
    return 0


def _export(room: Room, out: Path) -> None:
    import numpy as np

    from realtime_cer.sinks.confusion import draw_confusion

    told = f"{room.total} poses; the machine said what was asked for in {100 * room.agreed / room.total:.0f} %"
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / CSV).write_text(room.table(), encoding="utf-8")
        draw_confusion(
            out / PNG,
            np.array(room.counts, np.int64),
            SAID,
            title="What this room was asked to show",
            told=told,
            rows="asked (poses)",
            columns="the machine said; per cent of each row, and poses",
        )
    except OSError as error:
        raise Refused(f"{out} cannot be written ({error.strerror}): name another folder with --out") from None
