"""What a language must have words for. What stands in braces is filled in."""

from collections.abc import Mapping
from dataclasses import dataclass

from realtime_cer.ui.text.kiosk import KioskText
from realtime_cer.ui.text.replay import ReplayText
from realtime_cer.ui.text.wizard import WizardText


@dataclass(frozen=True, slots=True)
class Text:
    """All texts of one language; a catalogue that lacks one cannot be made."""

    language: str
    language_name: str

    # Classes in the order of ``labels``, models, states: by the names that rows have.
    basic: tuple[str, ...]
    basic_short: tuple[str, ...]
    compound: tuple[str, ...]
    models: Mapping[str, str]
    reasons: Mapping[str, str]
    states: Mapping[str, str]
    kinds: Mapping[str, str]
    stages: Mapping[str, str]
    causes: Mapping[str, str]
    workers: Mapping[str, str]
    queues: Mapping[str, str]
    rungs: Mapping[str, str]
    keys: Mapping[str, str]
    controls: Mapping[str, str]
    told: Mapping[str, str]

    # The verdict.
    starting: str
    stopped: str
    abstains: str
    strongest: str
    loading: str
    waiting_for: str
    first_decision: str
    no_decision_for: str

    # The why-bar.
    why: str
    why_of: str
    without_it: str
    without_abstains: str

    # Why a model says nothing.
    no_microphone: str
    no_sound: str
    no_voice: str
    voice: str
    too_old: str
    too_little_sound: str
    no_picture: str
    no_face: str
    too_late: str

    # The picture.
    live_picture: str
    no_camera: str
    the_end: str
    no_new_picture_for: str
    paused: str
    paused_long: str
    crop: str
    no_crop: str
    old: str
    picture: str
    face_at: str
    face: str

    # Heading, curves and status.
    heading: str
    smoothing: str
    no_smoothing: str
    hint: str
    now: str
    decimal: str
    last_minute: str
    sound: str
    silent: str
    last_heard: str
    engine: str
    engines: str
    figures: str
    lost: str
    frames_in: str
    trouble: str
    less: str
    no_sources: str
    decisions_per_s: str
    to_decide: str
    dropped: str

    # Panels behind keys.
    details: str
    shown_label: str
    raw_label: str
    row: str
    row_at: str
    how: str
    ages: str
    meters: str
    no_meters: str
    stage: str
    worst: str
    per_s: str
    queue: str
    drops: str
    none: str
    rung: str
    memory: str
    stalled: str
    sources: str
    keys_title: str
    keys_close: str

    # Controls.
    muted: str
    recording: str
    on: str
    off: str
    dark: str
    light: str
    take: str
    held: str
    place: str
    show: str
    pictures: Mapping[str, str]
    looking: str
    nothing_found: str
    choose: str

    # People.
    speaks: str
    picture_only: str
    with_sound: str
    calibrated: str
    calibrating: str
    target: str

    # Windows of their own.
    kiosk: KioskText
    wizard: WizardText
    replay: ReplayText
