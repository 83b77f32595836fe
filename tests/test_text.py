"""Every language says everything, with the same places to fill in."""

import ast
from dataclasses import fields, is_dataclass
from pathlib import Path
from string import Formatter
from types import SimpleNamespace
from typing import Any

import pytest
from parts.perception import tiny_perception

from realtime_cer.capture.source import Counters
from realtime_cer.config import Config
from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights
from realtime_cer.labels import BASIC, COMPOUND, MODELS
from realtime_cer.pipeline.board import Board
from realtime_cer.pipeline.ladder import NAMES
from realtime_cer.pipeline.live import Live
from realtime_cer.rules import REASONS
from realtime_cer.told import Told
from realtime_cer.ui import words
from realtime_cer.ui.keys import BINDINGS
from realtime_cer.ui.text import CATALOGUES, ENGLISH, GERMAN, Text, text_of

PACKAGE = Path(__file__).parents[1] / "realtime_cer"

FREE = {"why"}
"""What is in English alone, for it comes from everywhere: other languages may leave it out."""


def places(line: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(line) if name is not None}


def filled(mine: str, theirs: str) -> bool:
    """Whether a line says all that the English one says, but for what is in English alone."""
    return places(mine) <= places(theirs) <= places(mine) | FREE


def compare(mine: Any, theirs: Any, name: str) -> None:
    """Hold one text, or a group of texts, against the English one."""
    if isinstance(mine, str):
        assert mine, name
        assert filled(mine, theirs), name
    elif isinstance(mine, tuple):
        assert len(mine) == len(theirs) == len({*mine}), name
        assert all(mine), name
    elif is_dataclass(mine):
        for field in fields(mine):
            compare(getattr(mine, field.name), getattr(theirs, field.name), f"{name}.{field.name}")
    else:
        assert list(mine) == list(theirs), name
        assert all(mine.values()), name


@pytest.mark.parametrize("text", CATALOGUES.values(), ids=CATALOGUES)
def test_every_language_is_complete(text: Text) -> None:
    assert (len(text.basic), len(text.basic_short), len(text.compound)) == (len(BASIC), len(BASIC), len(COMPOUND))
    compare(text, ENGLISH, "text")


def test_everything_that_rows_and_meters_name_has_words() -> None:
    assert set(ENGLISH.reasons) == set(REASONS)
    assert set(ENGLISH.models) == set(MODELS)
    assert set(ENGLISH.rungs) == {*NAMES, "picture only", "sound only"}
    assert set(ENGLISH.keys) == {one.action for one in BINDINGS}
    assert ENGLISH.compound == COMPOUND


def written(call: str, room: str = "") -> list[ast.expr]:
    """What every call of a name is given first, anywhere in a room of the package."""
    found = []
    for path in (PACKAGE / room).rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        if f"{call}(" in source:
            calls = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args)
            found += [one.args[0] for one in calls if call in (getattr(one.func, kind, "") for kind in ("id", "attr"))]
    return found


def constants(nodes: list[ast.expr]) -> set[str]:
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_every_line_that_the_program_tells_has_words_in_every_language() -> None:
    nodes = written("Told")
    forms = constants(nodes)
    assert len(forms) > 15
    assert all(isinstance(node, ast.Constant) for node in nodes), "what is put together has no place in a catalogue"
    for text in CATALOGUES.values():
        assert set(text.told) == forms
        assert all(filled(line, form) for form, line in text.told.items())
    assert all(GERMAN.told[form] != form for form in forms)


def test_a_line_is_english_by_itself_and_said_in_every_language() -> None:
    folder = Path("films") / "{odd}"
    line = Told("kept {seconds:.0f} s: {folder}", seconds=29.6, folder=folder)
    assert line == words.told(ENGLISH, line) == f"kept 30 s: {folder}"
    assert words.told(GERMAN, line) == f"30 s behalten: {folder}"
    line = Told("the {kind} is not changed: {why}", kind="camera", why="there is no camera 7: plug it in")
    assert line == words.told(ENGLISH, line) == "the camera is not changed: there is no camera 7: plug it in"
    assert words.told(GERMAN, line) == "Kamera: kein Wechsel; der Grund steht im Terminal"


def test_everything_that_can_be_lost_has_words_in_every_language() -> None:
    lost = {
        "camera": Counters(dropped=1, frozen=1, damaged=1),  # only cameras count these
        "microphone": Counters(dropped=1),
        "file": Counters(dropped=1),
    }
    sources: Any = [(kind, SimpleNamespace(counters=counters)) for kind, counters in lost.items()]
    by_sources = set(Board(sources).lost_by_sources())
    networks = {*MODELS, *constants(written("Mended"))}
    assert len(networks) == len(MODELS) + 2
    causes = {*constants(written("drop", "pipeline")), *(f"fault of {name}" for name in networks)}
    assert {"overtaken", "late", "rows"} < causes
    for text in CATALOGUES.values():
        assert causes | by_sources == set(text.causes) | set(text.kinds)
    assert all(words.cause(GERMAN, cause) != cause for cause in causes | by_sources)


def test_every_worker_that_can_stand_still_has_words_in_every_language() -> None:
    config = Config()
    sources: Any = [(kind, SimpleNamespace(name=kind)) for kind in ENGLISH.kinds]
    live = Live(config, FusionWeights.equal(), tiny_perception(config), sources)
    names = {one.name for one in (*live._overseer._workers(), *live._analysis.workers)}
    for worker in live._analysis.workers:
        worker.abandon()
    names |= set(live._analysis.vacant)
    assert {"fusion", "video", "reload-sound", "capture-camera"} <= names
    assert all(set(text.workers) == names for text in CATALOGUES.values())


def test_german_is_not_english() -> None:
    same = {f.name for f in fields(Text) if getattr(ENGLISH, f.name) == getattr(GERMAN, f.name)}
    assert same <= {"stage"}


def test_the_language_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "de_AT.UTF-8")
    assert text_of() is GERMAN
    monkeypatch.setenv("LC_ALL", "C")
    assert text_of() is ENGLISH
    assert text_of("de") is GERMAN
    with pytest.raises(Refused, match="no language 'xx'; there are en, de"):
        text_of("xx")
