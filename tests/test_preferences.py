"""What the window remembers, and what comes before it."""

from pathlib import Path

import pytest

from realtime_cer.config import Config, read_config
from realtime_cer.errors import Refused
from realtime_cer.preferences import Preferences, preferences_file, read_preferences, write_preferences

pytestmark = pytest.mark.usefixtures("own_folders")


def test_what_was_chosen_counts_where_nothing_else_is_said(tmp_path: Path) -> None:
    kept = Preferences(theme="light", smoothing_s=1.0, rule="rule2", weights="avcer-7cl")
    write_preferences(kept)
    assert read_preferences(pytest.fail) == kept
    config = kept.applied(read_config(None))
    assert (config.rule, config.weights, config.window.theme, config.window.smoothing_s) == (
        "rule2",
        "avcer-7cl",
        "light",
        1.0,
    )
    own = tmp_path / "own.toml"
    own.write_text('[window]\ntheme = "dark"\n')
    said = kept.applied(read_config(own, {"rule": "none"}))
    assert (said.rule, said.weights, said.window.theme, said.window.smoothing_s) == ("none", "avcer-7cl", "dark", 1.0)


def test_another_profile_brings_its_own_rule_and_weights() -> None:
    kept = Preferences(theme="light", rule="rule2", weights="avcer-7cl")
    with_other = kept.applied(Config(profile="avcer"))
    assert (with_other.window.theme, with_other.model_fields_set & {"rule", "weights"}) == ("light", set())
    assert kept.deciding("default", rule="none") == {"rule": "none", "profile": "default"}
    assert kept.deciding("avcer", rule="none") == {"rule": "none", "weights": None, "profile": "avcer"}


@pytest.mark.parametrize("broken", [b"", b"{", b'{"theme": "pink"}', b'{"smoothing_s": 99}', b"\xff\x00"])
def test_a_damaged_file_is_told_and_ignored(broken: bytes) -> None:
    preferences_file().parent.mkdir(parents=True)
    preferences_file().write_bytes(broken)
    told: list[str] = []
    assert read_preferences(told.append) == Preferences()
    assert len(told) == 1
    assert "is damaged" in told[0]
    write_preferences(Preferences(theme="light"))
    assert read_preferences(pytest.fail).theme == "light"


def test_the_window_settings_are_held_to_what_there_is(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    for line, named in (('theme = "pink"', "theme"), ("smoothing_s = 4", "smoothing_s"), ('languag = "de"', "languag")):
        own.write_text(f"[window]\n{line}\n")
        with pytest.raises(Refused, match=named):
            read_config(own)
