"""Every setting of a run: one frozen object, from a TOML file, overridden by flags. Units are in the names."""

import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from realtime_cer.errors import Refused
from realtime_cer.fusion import FusionWeights, read_weights
from realtime_cer.rules import Rule

PUBLISHED = ("avcer-video", "avcer-7cl", "avcer-8cl")

DEFAULT_PROFILE = "default"
"""The networks that come with the program."""

PROFILE_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""Names of profiles are names of folders, on every system."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FaceConfig(_Section):
    """How faces are found and followed."""

    bundle: Path | None = Field(None, description="a face_landmarker.task of your own")
    max_faces: int = Field(8, ge=1, le=8, description="how many are followed and judged")
    min_confidence: float = Field(0.5, gt=0, lt=1, description="of detection and of presence")
    overlap: float = Field(0.3, gt=0, lt=1, description="IoU that makes two boxes the same face")
    lost_after_s: float = Field(1.5, gt=0, le=5, description="a face unseen for longer is forgotten")
    target: Literal["size", "centre"] = Field("size", description="which face counts: the largest, or the most central")
    switch_ratio: float = Field(1.3, ge=1, description="another face must be so much larger to become the target")


class VoiceConfig(_Section):
    """When there is a voice, and with it an acoustic decision."""

    source: Literal["silero", "mouth"] = Field("silero", description="what tells it: sound, or the mouth's movement")
    threshold: float = Field(0.5, gt=0, lt=1, description="Silero's probability that counts as speech")
    span_s: float = Field(1.0, gt=0, le=4, description="how far back a voice is looked for")
    share: float = Field(0.2, gt=0, le=1, description="share of that span that must be speech")
    gate: Literal["auto", "off", "strict"] = Field(
        "auto", description="of several faces the one whose mouth moves has the sound; strict: a single one, too"
    )


class KioskConfig(_Section):
    """What ``live --kiosk`` does with its visitors, and by itself."""

    consent: bool = Field(True, description="nothing is shown to people who did not agree to it")
    notice: Path | None = Field(None, description="a text file of your own that says what they agree to")
    leave_s: float = Field(6.0, ge=2, le=600, description="a visitor unseen for longer has left: all is wiped")
    restart_at: str | None = Field(
        "04:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="local time of the daily restart; never where empty"
    )
    record: bool = Field(False, description="recording is allowed")

    @field_validator("restart_at", mode="before")
    @classmethod
    def _never(cls, value: object) -> object:
        return None if value == "" else value  # TOML has no null


class WindowConfig(_Section):
    """How the window looks. What its user changes there is remembered, and counts where nothing is set here."""

    theme: Literal["dark", "light"] = Field("dark", description="its colours")
    language: Literal["auto", "en", "de"] = Field("auto", description="of window and terminal; auto: the user's")
    smoothing_s: float = Field(0.6, ge=0, le=3, description="of what is shown; rows are never smoothed")
    mirror: Literal["auto"] | bool = Field("auto", description="auto: pictures of a camera of this machine")

    @property
    def spoken(self) -> str | None:
        """The language, None for the user's."""
        return None if self.language == "auto" else self.language


class Config(_Section):
    """All settings. Where rule, weights and sound_step_s are not set, the commands take those of the profile."""

    engine: Literal["auto", "tensorrt", "tensorrt-rtx", "cuda", "cpu"] = Field(
        "auto", description="what runs the networks; auto: the fastest that is there"
    )
    profile: str = Field(DEFAULT_PROFILE, pattern=PROFILE_NAME, description="which set of networks")
    rule: Rule = Field("none", description="how basic emotions become compound ones")
    weights: str = Field("equal", description="equal, a published name, or a weights file")
    always_decide: bool = Field(False, description="never abstain: the paper's bare argmax")
    max_age_ms: float = Field(1000.0, gt=0, le=10_000, description="older acoustic scores do not count")
    deadline_ms: float = Field(150.0, gt=0, le=1000, description="a decision waits so long for its picture")
    sound_step_s: float = Field(0.5, ge=0.1, le=4, description="time between two acoustic windows")
    sound_offset_ms: float | None = Field(
        None, ge=-2000, le=2000, description="sound that arrives so much later than its picture is moved earlier"
    )
    ladder: bool = Field(True, description="live: do less where the machine cannot keep up")
    memory_mib: float = Field(4096.0, ge=64, description="live: own memory beyond which less is done")
    meters_s: float = Field(10.0, ge=1, le=3600, description="live: time between two rows with meters")
    stall_s: float = Field(5.0, ge=1, le=60, description="live: a worker with work that rests for longer has stalled")
    face: FaceConfig = FaceConfig()
    voice: VoiceConfig = VoiceConfig()
    kiosk: KioskConfig = KioskConfig()
    window: WindowConfig = WindowConfig()


def read_config(path: Path | None, overrides: dict[str, Any] | None = None) -> Config:
    """Read a TOML file and put the flags on top.

    Parameters
    ----------
    path : the file, or None for the defaults
    overrides : dotted keys ("voice.source") and their values; None values leave the file's

    Raises
    ------
    Refused
        Unreadable, not TOML, an unknown key (the nearest known one is named), or a value out of range.
    """
    table: dict[str, Any] = {}
    if path is not None:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise Refused(
                f"configuration {path} cannot be read ({error.strerror}): give the path of a TOML file"
            ) from None
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise Refused(f"configuration {path} is not TOML: {' '.join(str(error).split())}") from None
    for key, value in (overrides or {}).items():
        if value is not None:
            *sections, last = key.split(".")
            target: Any = table
            for section in sections:
                target = target.setdefault(section, {})
            if isinstance(target, dict):  # anything else is refused below, by its name
                target[last] = value
    try:
        return Config.model_validate(table)
    except ValidationError as error:
        raise Refused(f"{path or 'settings'}: {_explain(error)}") from None


def load_weights(name: str) -> FusionWeights:
    """Fusion weights by name (``equal`` or a published set) or from a file.

    The authors use avcer-8cl without its v; so does this.

    Raises
    ------
    Refused
        Neither a known name nor a readable weights file.
    """
    if name == "equal":
        return FusionWeights.equal()
    if name in PUBLISHED:
        weights = FusionWeights.published(name)
        return weights.without_models() if name == "avcer-8cl" else weights
    path = Path(name)
    try:
        if not path.suffix and not path.exists():
            raise Refused(f"no weights {name!r}: choose equal, {', '.join(PUBLISHED)}, or give a .toml file")
        return read_weights(path)
    except OSError as error:
        raise Refused(f"weights file {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Refused(str(error)) from None


def _explain(error: ValidationError) -> str:
    """The first error, on one line."""
    import difflib

    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    if key == "profile":
        return f"no profile can be called {first['input']!r}: small letters, digits, - and _ only, 64 at most"
    if first["type"] != "extra_forbidden":
        return f"{key}: {first['msg']}"
    sections: dict[str, type[BaseModel]] = {
        "face": FaceConfig,
        "voice": VoiceConfig,
        "kiosk": KioskConfig,
        "window": WindowConfig,
    }
    owner = sections[str(first["loc"][0])] if len(first["loc"]) > 1 else Config
    known = sorted(owner.model_fields)
    near = difflib.get_close_matches(str(first["loc"][-1]), known, n=1)
    return f"unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}")
