"""What the wizard says at the first start. What stands in braces is filled in."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class WizardText:
    """All texts of the wizard in one language."""

    title: str
    camera: str
    microphone: str
    without: str
    see: str
    no_cameras: str
    no_microphones: str
    opening: str
    say: str
    heard: str
    silent: str
    nothing: str
    choose: str
    start: str
    again: str
    skip: str
    enter: str


ENGLISH: Final = WizardText(
    title="Can I see and hear you?",
    camera="camera",
    microphone="microphone",
    without="without",
    see="Pick the camera that shows you.",
    no_cameras="No camera was found. Plug one in and press R, or name a network camera with --camera.",
    no_microphones="No microphone was found. Plug one in and press R.",
    opening="{name} is being opened",
    say="Say a few words.",
    heard="I hear you",
    silent="nothing is heard: is it muted?",
    nothing="Without a camera and a microphone there is nothing to recognise.",
    choose="choose",
    start="start, and remember",
    again="look again",
    skip="not now",
    enter="Enter",
)

GERMAN: Final = WizardText(
    title="Kann ich Sie sehen und hören?",
    camera="Kamera",
    microphone="Mikrofon",
    without="ohne",
    see="Wählen Sie die Kamera, die Sie zeigt.",
    no_cameras="Keine Kamera gefunden. Stecken Sie eine an und drücken Sie R, oder nennen Sie eine mit --camera.",
    no_microphones="Kein Mikrofon gefunden. Stecken Sie eines an und drücken Sie R.",
    opening="{name} wird geöffnet",
    say="Sagen Sie ein paar Worte.",
    heard="Ich höre Sie",
    silent="nichts zu hören: ist es stumm?",
    nothing="Ohne Kamera und ohne Mikrofon gibt es nichts zu erkennen.",
    choose="wählen",
    start="anfangen und merken",
    again="neu suchen",
    skip="jetzt nicht",
    enter="Enter",
)
