"""The words of the program's states, short enough for one line. Pure functions of what is shown."""

from realtime_cer.labels import BASIC, COMPOUND, MODELS, PAIRS
from realtime_cer.records import Decision, Person, Snapshot, SourceReport
from realtime_cer.told import Told
from realtime_cer.ui.text import Text

DASH = "—"


def number(text: Text, value: float, places: int) -> str:
    """A number with the language's decimal sign."""
    return f"{value:.{places}f}".replace(".", text.decimal)


def reason(text: Text, why: str | None) -> str:
    """Why the program abstains."""
    return text.reasons.get(why or "", why or "")


def name(text: Text, label: str) -> str:
    """A compound expression."""
    return text.compound[COMPOUND.index(label)]


def pair(text: Text, label: str) -> str:
    """The two basic emotions of a compound expression."""
    return " + ".join(text.basic[BASIC.index(half)] for half in PAIRS[COMPOUND.index(label)])


def strongest(decision: Decision) -> tuple[str, float] | None:
    """The compound expression with the highest value, and that value; None where there is none."""
    if not decision.compound or not any(decision.compound):
        return None
    return max(zip(COMPOUND, decision.compound, strict=True), key=lambda one: one[1])


def waiting(text: Text, snapshot: Snapshot) -> str:
    """What is waited for before the first decision."""
    troubled = [source for source in snapshot.sources if source.state not in ("live", "ended")]
    if not snapshot.engines:  # a file waits for the networks, not they for it
        troubled = [source for source in troubled if source.kind != "file"]
    if troubled:
        return text.waiting_for.format(kind=text.kinds.get(troubled[0].kind, troubled[0].kind), name=troubled[0].name)
    return text.first_decision if snapshot.engines else text.loading


_STALE_S = 2.0
"""What came in longer ago is no longer there."""


def missing(text: Text, model: str, snapshot: Snapshot) -> str:
    """Why a model says nothing at this moment."""
    if model == "acoustic":
        if not any(source.kind in ("microphone", "file") for source in snapshot.sources):
            return text.no_microphone
        if snapshot.muted:
            return text.muted
        if not snapshot.engines and snapshot.decision is None:
            return text.loading
        if snapshot.sound is None or snapshot.t - snapshot.sound.t > _STALE_S:
            return text.no_sound
        if snapshot.sound.voice is False:
            return text.no_voice
        face = snapshot.visual.face if snapshot.visual else None
        if any(face is not None and one.id == face.id and not one.gated for one in snapshot.people):
            return text.picture_only  # somebody else speaks
        return text.too_old if snapshot.sound.acoustic else text.too_little_sound
    if not snapshot.engines and snapshot.decision is None:
        return text.loading
    visual = snapshot.visual
    if visual is None or snapshot.t - visual.frame_t > _STALE_S:
        return text.no_picture
    return text.no_face if visual.face is None else text.too_late


def engines(text: Text, snapshot: Snapshot) -> str:
    """What runs the networks; one word where it is the same for all."""
    names = set(snapshot.engines.values())
    if len(names) == 1:
        return text.engine.format(name=names.pop())
    each = [f"{text.models[name]} {snapshot.engines[name]}" for name in MODELS if name in snapshot.engines]
    return text.engines.format(names=", ".join(each)) if each else text.engine.format(name=DASH)


def source(text: Text, report: SourceReport) -> str:
    """A source and its state, and what is the matter with it or where to read that."""
    kind, state = text.kinds.get(report.kind, report.kind), text.states.get(report.state, report.state)
    line = f"{kind} {report.name} {state}"
    if why := trouble(report):
        line = text.trouble.format(source=line, why=why)
    lost = f" · {text.lost.format(count=report.dropped)}" if report.dropped else ""
    return f"{line}{lost}"


def trouble(report: SourceReport) -> str:
    """What is the matter with a source, empty where nothing is; in English alone, as the source says it."""
    well = report.state in ("live", "ended", "opening", "muted")
    return "" if well else report.detail.removeprefix(f"{report.kind} {report.name}: ")


def cause(text: Text, name: str) -> str:
    """Why something was lost; a kind of source for what its sources did not hand out."""
    return text.causes.get(name) or text.kinds.get(name, name)


def told(text: Text, line: str) -> str:
    """A line for the user in the window's language; one that no catalogue knows stays as it is."""
    if not isinstance(line, Told):
        return line
    values = dict(line.values)
    if isinstance(kind := values.get("kind"), str):
        values["kind"] = text.kinds.get(kind, kind)
    return text.told.get(line.form, line.form).format(**values)


def evidence(text: Text, person: Person) -> str:
    """Whether the sound is this face's, and how sure that is."""
    joined = text.with_sound if person.gated else text.picture_only
    return joined if person.speaking is None else f"{joined} · {text.speaks.format(share=round(person.speaking * 100))}"


def baseline(text: Text, person: Person) -> str:
    """What is known of the face's neutral, empty where nothing is."""
    if person.calibrating is not None:
        return text.calibrating.format(share=round(person.calibrating * 100))
    return text.calibrated if person.calibrated else ""


def rung(text: Text, snapshot: Snapshot) -> str:
    """What the program does without, empty where it does all."""
    meters = snapshot.meters
    if meters is None or meters.rung == 0:
        return ""
    return text.less.format(rung=text.rungs.get(meters.rung_name, meters.rung_name))


def age(text: Text, seconds: float) -> str:
    """An age, in the unit that suits it."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{number(text, seconds, 1)} s" if seconds < 60 else f"{seconds / 60:.0f} min"
