"""The terminal view: what it says in every state, that it fits, and that it writes only what changed."""

import io
import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from parts.moments import BOX, decided, people
from rich.console import Console

from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import COMPOUND, MODELS
from realtime_cer.records import Face, Frame, Meters, Snapshot, Sound, SourceReport, Visual, read_only
from realtime_cer.rules import REASONS
from realtime_cer.ui.cells import bar, large, preview, preview_size, stacked
from realtime_cer.ui.layout import Heading, draw
from realtime_cer.ui.terminal import TerminalView, plain_line, redrawable
from realtime_cer.ui.text import CATALOGUES, ENGLISH, GERMAN

HEADING = Heading("realtime-cer live", "none", "equal")
HAPPY = {
    "static": (0.05, 0.02, 0.02, 0.10, 0.46, 0.03, 0.32),
    "dynamic": (0.10, 0.03, 0.02, 0.08, 0.40, 0.05, 0.32),
    "acoustic": (0.20, 0.05, 0.04, 0.20, 0.30, 0.04, 0.17),
}
NEUTRAL = (0.80, 0.02, 0.02, 0.02, 0.08, 0.02, 0.04)
CAMERA = SourceReport("0", "camera", "live", "640x480 at 30 frames a second", 12034, 3)
MICROPHONE = SourceReport("default", "microphone", "live", "48000 Hz", 4100, 0)


def moment(
    static: tuple[float, ...] | None = HAPPY["static"],
    dynamic: tuple[float, ...] | None = HAPPY["dynamic"],
    acoustic: tuple[float, ...] | None = HAPPY["acoustic"],
    weights: FusionWeights | None = None,
) -> Snapshot:
    picture = read_only(np.full((480, 640, 3), 90, np.uint8))
    frame, face = Frame(99.966, 700, picture), static is not None
    scores = {"static": static, "dynamic": dynamic, "acoustic": acoustic}
    return Snapshot(
        t=100.0,
        frame=frame,
        analysed=frame,
        visual=Visual(62, 99.9, Face(1, BOX, np.zeros((478, 2), np.float32)) if face else None, None, None),
        sound=Sound(99.8, -23.0, 0.6, acoustic is not None, None),
        decision=decided(scores, weights, face=face),
        sources=(CAMERA, MICROPHONE),
        engines=dict.fromkeys(MODELS, "cpu"),
        rate=4.98,
        latency_ms=(46.0, 88.0),
        decisions=500,
        dropped=2,
    )


STARTING = Snapshot(
    t=1.0,
    frame=None,
    analysed=None,
    visual=None,
    sound=None,
    decision=None,
    sources=(replace(CAMERA, state="opening", detail="", frames=0, dropped=0),),
    engines={},
    rate=0.0,
    latency_ms=None,
    decisions=0,
    dropped=0,
)
MOMENTS = {
    "named": moment(),
    "no-voice": moment(acoustic=None),
    "no-face": moment(static=None, dynamic=None),
    "nothing": moment(static=None, dynamic=None, acoustic=None),
    "neutral": moment(NEUTRAL, NEUTRAL, NEUTRAL),
    "small-values": moment(weights=FusionWeights.published("avcer-7cl")),
    "starting": STARTING,
    "trouble": replace(
        moment(),
        t=104.0,
        sources=(
            replace(CAMERA, name="rtsp://10.0.0.5:554/live", state="retrying", detail="no answer, next try in 4 s"),
            *(replace(MICROPHONE, name=f"microphone {n}") for n in range(5)),
        ),
    ),
}


def text_of(snapshot: Snapshot, width: int, height: int, heading: Heading = HEADING, **means: bool) -> str:
    """What a terminal of that size shows, as plain text."""
    console = Console(width=width, file=io.StringIO(), record=True, force_terminal=True)
    for line in draw(snapshot, heading, width, height, **means).lines:
        console.print(line, soft_wrap=True)
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines())


@pytest.mark.parametrize(
    ("name", "width", "height"),
    [("named", 60, 20), ("no-voice", 80, 34), ("nothing", 80, 24), ("neutral", 130, 36), ("trouble", 120, 30)],
)
def test_golden(name: str, width: int, height: int, golden: Callable[[str, str], None]) -> None:
    golden(f"terminal-{name}-{width}x{height}.txt", text_of(MOMENTS[name], width, height))


@pytest.mark.parametrize("name", MOMENTS)
@pytest.mark.parametrize("pictures", [False, True])
def test_it_fits_every_size(name: str, pictures: bool) -> None:
    for width in (1, 20, 40, 60, 69, 80, 109, 110, 131, 132, 160, 200):
        for height in (1, 5, 12, 20, 24, 36, 60):
            screen = draw(MOMENTS[name], HEADING, width, height, pictures=pictures)
            assert len(screen.lines) <= height
            assert all(line.cell_len <= width for line in screen.lines), (width, height)
            for top, column, rows in screen.pictures:
                assert top + len(rows) <= height
                assert all(column + row.count("▀") <= width for row in rows)
                covered = [line.plain[column:].strip() for line in screen.lines[top : top + len(rows)]]
                assert not any(covered), "text lies under the picture"


def test_the_smallest_promised_terminal_holds_everything() -> None:
    shown = text_of(MOMENTS["named"], 60, 20)
    for part in (
        *COMPOUND,
        "HAPPILY SURPRISED",
        "static 40 %",
        "voice",
        "640×480",
        "decisions/s",
        "46/88",
        "2 dropped",
    ):
        assert part in shown, part
    assert shown.count("● live") == 2


@pytest.mark.parametrize("reason", REASONS)
def test_every_reason_to_abstain_has_words(reason: str) -> None:
    assert reason in ENGLISH.reasons
    decision = replace(moment().decision, label=None, reason=reason)  # type: ignore[type-var]
    snapshot = replace(moment(), decision=decision)
    for size in ((60, 20), (130, 40)):
        shown = text_of(snapshot, *size)
        assert f"abstains: {ENGLISH.reasons[reason]}" in shown
        assert "▹ Happily Surprised" in shown, "the strongest keeps a hollow mark"
        assert "▸" not in shown
    assert plain_line(decision).endswith(f"abstains: {ENGLISH.reasons[reason]}")


def test_a_missing_model_says_why() -> None:
    def said(snapshot: Snapshot, model: str) -> str:
        return next(line for line in text_of(snapshot, 60, 20).splitlines() if line.startswith(model) and "—" in line)

    assert "— no face" in said(MOMENTS["no-face"], "static")
    assert "— no face" in said(MOMENTS["no-face"], "dynamic")
    assert "— no voice" in said(MOMENTS["no-voice"], "sound")
    assert "— no sound" in said(replace(MOMENTS["no-voice"], sound=None), "sound")
    assert "— no microphone" in said(replace(MOMENTS["no-voice"], sources=(CAMERA,)), "sound")
    assert "— no picture" in said(replace(MOMENTS["no-face"], visual=None), "static")
    assert "— no voice" in text_of(MOMENTS["no-voice"], 80, 34)


def test_the_picture_does_not_jump_when_the_program_abstains() -> None:
    for size in ((60, 20), (80, 40), (120, 30), (150, 40)):
        rows = {name: text_of(MOMENTS[name], *size).splitlines() for name in ("named", "no-face", "neutral")}
        places = {name: [n for n, row in enumerate(lines) if "Sadly Fearful" in row] for name, lines in rows.items()}
        assert places["named"][-1] == places["no-face"][-1] == places["neutral"][-1]


def test_the_preview_leaves_room_for_the_rest() -> None:
    tall = Frame(99.966, 700, np.zeros((1280, 720, 3), np.uint8))
    for height in (24, 36, 60):
        shown = replace(MOMENTS["named"], frame=tall, analysed=tall)
        assert draw(shown, HEADING, 130, height, pictures=True).pictures
        text = text_of(shown, 130, height, pictures=True)
        assert text.count("● live") == 2
        assert all(part in text for part in ("720×1280", "● voice", "decisions/s", "engine cpu", "static 40 %"))


def test_every_face_has_its_line_with_the_evidence_of_the_gate() -> None:
    assert text_of(people(3), 130, 40).count("picture only") == 2
    shown = text_of(people(3), 100, 40)
    assert shown.count("picture only · speaks 10 %") == 2
    assert "▸ 2 " in shown
    assert "with sound · speaks 80 %" in shown
    assert "learning neutral 40 %" in text_of(people(1, calibrating=0.4), 130, 40)
    assert "speaks" not in text_of(people(1), 130, 40)


def test_a_muted_sound_and_that_of_another_are_named() -> None:
    assert "— muted" in text_of(replace(MOMENTS["no-voice"], muted=True, sound=None), 60, 20)
    two = people(2)
    assert two.decision is not None
    others = tuple(replace(one, gated=False) for one in two.people)
    silent = replace(two.decision, models={**two.decision.models, "acoustic": None})
    assert "— picture only" in text_of(replace(two, people=others, decision=silent), 60, 30)


def test_the_view_shows_the_calm_winner_and_what_it_would_be_without_each() -> None:
    console, written = screen(140, 44)
    view = TerminalView(
        "live", "none", "equal", console, "en", smoothing_s=0.6, without=lambda row: {"static": "Sadly Angry"}
    )
    view.show(MOMENTS["named"])
    first = MOMENTS["named"].decision
    assert first is not None
    assert "smoothing 0.6 s" in written.getvalue()
    assert "static: without it Sadly Angry" in written.getvalue()
    before = written.tell()
    other = replace(first, t=first.t + 0.2, seq=first.seq + 1, label="Sadly Angry")
    view.show(replace(MOMENTS["named"], t=100.2, decision=other, history=(first, other)))
    assert "▸ Sadly Angry" not in written.getvalue()[before:], "one row is no new winner"


def test_what_is_the_matter_with_a_source_comes_first_and_whole() -> None:
    shown = text_of(MOMENTS["trouble"], 60, 20)
    assert "retrying" in shown
    assert "no answer, next try in 4 s" in shown
    assert "4.0 s old" in shown
    assert "+5" in shown or "+4" in shown


def test_bars_with_weights_for_whole_models_still_use_their_room() -> None:
    row = next(line for line in text_of(MOMENTS["small-values"], 60, 20).splitlines() if "▸" in line)
    assert row.count("━") > 12
    assert float(row.split()[-1]) < 0.5


def test_bars() -> None:
    assert bar(0.5, 10, "red").plain == "━━━━━─────"
    assert bar(0.55, 10, "red").plain == "━━━━━╸────"
    assert bar(7.0, 4, "red").plain == "━━━━"
    assert bar(float("nan"), 4, "red").plain == "────"
    assert stacked((0.5, 0.25, 0.25), 8, ("red", "blue", "green"), "█▓░").plain == "████▓▓░░"
    assert stacked((0.0, 0.0, 0.0), 4, ("red", "blue", "green"), "█▓░").plain == "────"


def test_every_name_has_large_letters() -> None:
    for name in COMPOUND:
        rows = large(name)
        assert rows is not None
        assert len({len(row) for row in rows}) == 1
    assert large("?") is None


def test_the_preview_shows_the_picture_and_the_face() -> None:
    picture = np.zeros((480, 640, 3), np.uint8)
    picture[:, 320:] = (0, 0, 248)  # BGR: the right half is red
    columns, rows = preview_size(picture, 40, 30)
    assert (columns, rows) == (40, 15)
    lines = preview(picture, columns, rows, None, "#00ff00")
    assert (
        lines
        == ["\x1b[38;2;0;0;0;48;2;0;0;0m" + "▀" * 20 + "\x1b[38;2;248;0;0;48;2;248;0;0m" + "▀" * 20 + "\x1b[0m"] * 15
    )
    framed = preview(picture, columns, rows, (160, 120, 320, 240), "#00ff00")
    assert framed[0] == lines[0]
    assert "0;255;0" in framed[7]
    preview(picture, columns, rows, (-50, 400, 2000, 300), "#00ff00")  # a face half outside


def test_without_colours_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLORTERM", "truecolor")
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=130, height=36, legacy_windows=False)
    with TerminalView("live", "none", "equal", console, "en") as view:
        view.show(MOMENTS["named"])
    codes = [code for found in re.findall(r"\x1b\[([0-9;]*)m", written.getvalue()) for code in found.split(";")]
    assert {code.lstrip("0") for code in codes} <= {"", "1", "2", "3"}  # bold, dim, italic only
    assert "█" in written.getvalue()
    assert "▓" in written.getvalue()
    assert "░" in written.getvalue()


def test_an_ascii_terminal_gets_ascii() -> None:
    for name in MOMENTS:
        assert text_of(MOMENTS[name], 130, 36, ascii_only=True).isascii()
    shown = text_of(MOMENTS["named"], 60, 20, ascii_only=True)
    assert "?" not in shown
    assert "> Happily Surprised" in shown


def screen(width: int = 120, height: int = 36) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(
        file=written, force_terminal=True, color_system="truecolor", width=width, height=height, legacy_windows=False
    ), written


def test_only_what_changed_is_written() -> None:
    console, written = screen()
    view = TerminalView("live", "none", "equal", console, "en")
    view.show(MOMENTS["named"])
    first = written.tell()
    view.show(MOMENTS["named"])
    assert written.tell() == first, "the same snapshot costs nothing"
    view.show(replace(MOMENTS["named"], rate=4.2))
    assert 0 < written.tell() - first < first / 10
    view.show(STARTING)
    view.show(MOMENTS["named"])
    assert "\x1b[2J" not in written.getvalue()[20:], "no blanking: it flickers"


def test_a_new_size_is_drawn_anew() -> None:
    console, written = screen()
    view = TerminalView("live", "none", "equal", console, "en")
    view.show(MOMENTS["named"])
    console.size = (60, 20)  # type: ignore[assignment]
    before = written.tell()
    view.show(MOMENTS["named"])
    after = written.getvalue()[before:]
    assert "\x1b[2J" in after
    assert "\x1b[20;1H" in after
    assert "\x1b[21;1H" not in after, "below the last row a terminal would wipe the last row"


def test_the_terminal_is_given_back_whatever_happens() -> None:
    console, written = screen()

    def fail() -> None:
        with TerminalView("live", "none", "equal", console, "en") as view:
            view.show(MOMENTS["named"])
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert written.getvalue().startswith("\x1b[?1049h")
    assert "\x1b[?25h" in written.getvalue()[-40:]
    assert written.getvalue().rstrip("\n").endswith("\x1b[?1049l")


def test_what_is_no_terminal_is_not_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not redrawable(Console(file=io.StringIO()))
    assert redrawable(screen()[0])
    monkeypatch.setenv("TERM", "dumb")
    assert not redrawable(screen()[0])


def test_plain_line() -> None:
    decision = moment().decision
    assert decision is not None
    assert plain_line(decision) == "   12.4 s  Happily Surprised 0.66  (static 40 %, dynamic 37 %, sound 24 %)"
    assert "\x1b" not in plain_line(decision)


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", MOMENTS)
def test_it_fits_in_every_language(name: str, language: str) -> None:
    heading = replace(HEADING, text=CATALOGUES[language])
    for width, height in ((1, 5), (40, 12), (60, 20), (80, 24), (110, 36), (132, 36), (200, 60)):
        screen = draw(MOMENTS[name], heading, width, height, pictures=True)
        assert len(screen.lines) <= height
        assert all(line.cell_len <= width for line in screen.lines), (width, height)


def test_german_names_classes_models_and_states() -> None:
    shown = text_of(MOMENTS["named"], 80, 34, replace(HEADING, text=GERMAN))
    for part in (*GERMAN.compound, *GERMAN.basic, "statisch 40 %", "● Stimme", "● läuft Kamera", "Regel none"):
        assert part in shown, part
    assert "Surprised" not in shown
    assert "enthält sich: überwiegend neutral" in text_of(MOMENTS["neutral"], 60, 20, replace(HEADING, text=GERMAN))


def test_what_the_program_does_without_is_told() -> None:
    meters = Meters({}, {}, {}, 3, "sound every second", 300.0, ())
    for size in ((60, 20), (130, 40)):
        assert "doing less: sound every second" in text_of(replace(MOMENTS["named"], meters=meters), *size)
        full = replace(meters, rung=0, rung_name="full")
        assert "doing less" not in text_of(replace(MOMENTS["named"], meters=full), *size)
