"""What the kiosk says to its visitors. What stands in braces is filled in."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class KioskText:
    """All texts of the kiosk in one language; ``notice`` is its heading, a blank line, and paragraphs."""

    attract: str
    invite: str
    dreamt: str
    notice: str
    gesture: str
    agree: str
    decline: str
    space: str
    wiped: str
    wiped_why: str
    pose: str
    forget: str
    back: str
    ready: str
    now: str
    match: str
    saw: str
    saw_none: str
    asked: str
    yes: str
    no: str
    yes_key: str
    no_key: str
    counted: str
    left_out: str
    room: str
    room_empty: str
    none: str


ENGLISH: Final = KioskText(
    attract="seven expressions, read live from face and voice",
    invite="Step in front of the camera",
    dreamt="made by chance; no picture is shown here",
    notice="""Emotion recognition runs here

A camera and a microphone are on. If you agree, this screen shows your picture, and which expression three networks \
read in your face and in your voice. They are often wrong, and they cannot know what you feel.

No picture, no sound and nothing that was recognised is stored or sent. It stays in the memory of this machine for a \
minute at most, and is wiped when you leave or press F.

If you play “pose it”, one count remains: what was asked for, and what the program said.

Until you agree, nothing is shown. Whoever stands behind you can be seen in the picture as well.""",
    gesture="open your mouth wide and hold it",
    agree="or press this key to agree",
    decline="If you would rather not, just walk on.",
    space="Space",
    wiped="You are forgotten",
    wiped_why="Pictures, sound, and everything that was recognised are wiped from memory.",
    pose="pose it",
    forget="forget me",
    back="back",
    ready="Get ready: show",
    now="Show it now",
    match="match",
    saw="The program saw",
    saw_none="no expression that stands out",
    asked="Did you show “{name}”?",
    yes="yes, count it",
    no="no, leave it out",
    yes_key="Y",
    no_key="N",
    counted="Counted. Thank you!",
    left_out="Left out. Another one!",
    room="this room: {agreed} of {total} as asked",
    room_empty="this room: nothing counted yet",
    none="none",
)

GERMAN: Final = KioskText(
    attract="sieben Ausdrücke, live aus Gesicht und Stimme gelesen",
    invite="Treten Sie vor die Kamera",
    dreamt="vom Zufall gezeichnet; hier ist kein Bild zu sehen",
    notice="""Hier läuft Emotionserkennung

Eine Kamera und ein Mikrofon sind an. Wenn Sie zustimmen, zeigt dieser Bildschirm Ihr Bild, und welchen Ausdruck drei \
Netze in Ihrem Gesicht und in Ihrer Stimme lesen. Sie irren sich oft, und was Sie fühlen, können sie nicht wissen.

Kein Bild, kein Ton und nichts Erkanntes wird gespeichert oder gesendet. Es bleibt höchstens eine Minute im Speicher \
dieses Rechners und wird gelöscht, wenn Sie gehen oder F drücken.

Wenn Sie „Nachstellen“ spielen, bleibt ein Zählstrich: was verlangt war, und was das Programm gesagt hat.

Bevor Sie zustimmen, wird nichts gezeigt. Auch wer hinter Ihnen steht, ist im Bild zu sehen.""",
    gesture="Mund weit öffnen und so halten",
    agree="oder diese Taste drücken",
    decline="Wenn Sie lieber nicht möchten, gehen Sie einfach weiter.",
    space="Leertaste",
    wiped="Sie sind vergessen",
    wiped_why="Bilder, Ton und alles Erkannte sind aus dem Speicher gelöscht.",
    pose="nachstellen",
    forget="vergiss mich",
    back="zurück",
    ready="Gleich zeigen:",
    now="Jetzt zeigen",
    match="Treffer",
    saw="Das Programm sah",
    saw_none="keinen Ausdruck, der hervorsticht",
    asked="Haben Sie „{name}“ gezeigt?",
    yes="ja, zählen",
    no="nein, weglassen",
    yes_key="J",
    no_key="N",
    counted="Gezählt. Danke!",
    left_out="Weggelassen. Noch einer!",
    room="dieser Raum: {agreed} von {total} wie verlangt",
    room_empty="dieser Raum: noch nichts gezählt",
    none="keiner",
)
