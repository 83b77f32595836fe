"""Settings: defaults, files, flags on top, and one clear line for every mistake."""

from pathlib import Path

import pytest

from realtime_cer.config import Config, load_weights, read_config
from realtime_cer.errors import Refused


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_flags_override_the_file_and_the_file_the_defaults(tmp_path: Path) -> None:
    path = write(tmp_path / "c.toml", 'rule = "rule1"\nweights = "avcer-7cl"\n[voice]\nthreshold = 0.7\n')
    config = read_config(path, {"rule": "rule2", "voice.source": "mouth", "engine": None})
    assert (config.rule, config.weights, config.voice.source, config.voice.threshold) == (
        "rule2",
        "avcer-7cl",
        "mouth",
        0.7,
    )
    assert config.engine == "auto"
    assert read_config(None) == Config()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ruel = 'none'", ["'ruel'", "'rule'"]),
        ("[voice]\nthreshhold = 0.5", ["voice.threshhold", "'threshold'"]),
        ("[sound]\nx = 1", ["'sound'", "known are"]),
        ("rule = 'rule7'", ["rule:"]),
        ("max_age_ms = -1", ["max_age_ms"]),
        ("max_age_ms = nan", ["max_age_ms"]),
        ("max_age_ms = 'old'", ["max_age_ms"]),
        ("[face]\nmax_faces = 99", ["face.max_faces"]),
        ("sound_offset_ms = 9000", ["sound_offset_ms"]),
        ("ladder = 'down'", ["ladder"]),
        ("stall_s = 0", ["stall_s"]),
        ("meters_s = 0.1", ["meters_s"]),
        ("rule = ", ["not TOML"]),
    ],
)
def test_a_mistake_is_named_on_one_line(tmp_path: Path, text: str, words: list[str]) -> None:
    path = write(tmp_path / "c.toml", text)
    with pytest.raises(Refused) as caught:
        read_config(path)
    line = str(caught.value)
    assert "\n" not in line
    assert "c.toml" in line
    for word in words:
        assert word in line


def test_a_section_that_is_none_is_named_also_with_a_flag_for_it(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="voice"):
        read_config(write(tmp_path / "c.toml", "voice = 1"), {"voice.source": "mouth"})


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="No such file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "b.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(Refused, match="not TOML"):
        read_config(tmp_path / "b.toml")


@pytest.mark.parametrize("name", ["../mine", "/mine", "a/b", "", ".", "Mine", "-mine", "mine\n", 65 * "m"])
def test_a_profile_is_a_plain_name(name: str) -> None:
    with pytest.raises(Refused, match="profile"):
        read_config(None, {"profile": name})


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Config().rule = "rule1"  # type: ignore[misc]


def test_weights_are_found_by_name_or_file(tmp_path: Path) -> None:
    assert load_weights("equal").name == "equal"
    assert load_weights("avcer-8cl").models is None  # as the authors use it
    assert load_weights("avcer-7cl").models is not None
    with pytest.raises(Refused, match="avcer-video"):
        load_weights("avcer-9cl")
    with pytest.raises(Refused, match=r"w\.toml cannot be read"):
        load_weights(str(tmp_path / "w.toml"))
    write(tmp_path / "w.toml", "[classes]\nstatic = [1]\n")
    with pytest.raises(Refused, match=r"w\.toml"):
        load_weights(str(tmp_path / "w.toml"))
