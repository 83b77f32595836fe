"""Every flag of every command, and what ``--help`` says of it."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from realtime_cer import __version__
from realtime_cer.errors import Refused

_LIVE_EXAMPLES = """examples:
  realtime-cer live                                   first camera and default microphone
  realtime-cer live --camera 1 --microphone "USB Audio"
  realtime-cer live --camera http://192.168.1.20:8080/ --microphone none
  realtime-cer live --camera clip.mp4                 a file, played as if it were a camera
  realtime-cer live --headless --duration 60 > rows.jsonl
  realtime-cer live --record recordings --consent "signed on paper, 4 May" --forget-after 90
  realtime-cer live --headless --metrics 9477 > rows.jsonl    and: curl http://127.0.0.1:9477/metrics
  realtime-cer live --clap                            how much later sound comes than its picture, once per device
  realtime-cer live --kiosk --camera 0 --microphone default   started again whenever it dies or hangs"""

_RUN_EXAMPLES = """examples:
  realtime-cer run interview.mp4 --out results
  realtime-cer run interview.mp4 --out results --overwrite --rule rule2 --weights avcer-7cl
  realtime-cer run interview.mp4 --out results --overlay     also a film with the curves
  realtime-cer run interview.mp4 --out results --annotations eaf,vtt     also files for ELAN and players
  realtime-cer run speech.wav --out results           sound alone
  realtime-cer run noisy.mp4 --out results --voice mouth
  realtime-cer run interview.mp4 --out results --alignment centred"""

_ANNOTATE_EXAMPLES = """Every film and sound file below the folder gets a folder of results of its own below DIR,
as from run. What is done is not done again: after an interruption, or when files were added, give the same command
once more. Exit code 2 if a file could not be read, 1 if one brought the program down; all others are done.

examples:
  realtime-cer annotate recordings --out annotated
  realtime-cer annotate recordings --out annotated --annotations eaf,vtt
  realtime-cer annotate recordings --out annotated --workers 8
  realtime-cer annotate /shared/films --out /shared/annotated --ray 10.0.0.5:6379"""

_IMPORT_EXAMPLES = """The folder holds the authors' files, which do not come along: FER_static_ResNet50_AffectNet.pt,
FER_dinamic_LSTM_Aff-Wild2.pt, and epoch_63.pth (8 classes of sound) or epoch_51.pth (7 classes).

examples:
  realtime-cer import-avcer ~/Downloads/avcer
  realtime-cer live --profile avcer                   with the authors' weights and rule
  realtime-cer run interview.mp4 --out results --profile avcer --rule rule2
  realtime-cer import-avcer ~/Downloads/seven --name avcer-7cl"""

# Written out, for help and doctor must also work where NumPy does not; a test holds them to rules.RULES.
_RULES = ("none", "rule1", "rule2", "rule3")

_PROFILE = "which set of networks (default: default, the program's own; import-avcer makes others)"


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, and whose flags are written out."""

    def __init__(self, **words: Any) -> None:
        super().__init__(**words, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        raise Refused(f"{message}; see {self.prog} --help")


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number of seconds")
    return value


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def _common(parser: argparse.ArgumentParser) -> None:
    """Flags that every analysing command has; None leaves the configuration's value."""
    group = parser.add_argument_group("recognition")
    group.add_argument("--config", type=Path, metavar="FILE", help="settings in a TOML file; flags override it")
    group.add_argument("--rule", choices=_RULES, help="how basic emotions become compound (default: the profile's)")
    group.add_argument(
        "--weights",
        metavar="FILE|NAME",
        help="fusion weights: equal, avcer-video, avcer-7cl, avcer-8cl, or a file (default: the profile's)",
    )
    group.add_argument("--voice", choices=["silero", "mouth"], help="what tells that somebody speaks")
    group.add_argument(
        "--engine", choices=["auto", "tensorrt", "tensorrt-rtx", "cuda", "cpu"], help="what runs the networks"
    )
    group.add_argument("--profile", metavar="NAME", help=_PROFILE)
    group.add_argument(
        "--always-decide", action="store_true", default=None, help="never abstain: the paper's bare argmax"
    )


def _count(text: str) -> int:
    value = int(text) if text.isdecimal() else 0
    if not 1 <= value <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of workers")
    return value


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from realtime_cer.commands import engines, recording, replay, score, sessions

    parser = _Parser(
        prog="realtime-cer",
        description="Recognises compound expressions of a person, live, from a webcam and a microphone.",
        epilog="Start with: realtime-cer demo",
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    raw = argparse.RawDescriptionHelpFormatter

    live = commands.add_parser(
        "live", help="recognise from a camera and a microphone", epilog=_LIVE_EXAMPLES, formatter_class=raw
    )
    live.add_argument(
        "--camera", metavar="N|PATH|URL|none", help="camera by number or path, network camera, or a file (default: 0)"
    )
    live.add_argument("--microphone", metavar="NAME|N|default|none", help="microphone by name or number")
    live.add_argument("--headless", action="store_true", help="print one JSON row for each decision, and nothing else")
    live.add_argument("--duration", type=_positive, metavar="S", help="stop after so many seconds")
    live.add_argument("--wizard", action="store_true", help="pick camera and microphone anew, and see that they work")
    live.add_argument("--wait", action="store_true", help="wait for a source that is not there yet")
    live.add_argument("--no-window", action="store_true", help="show it in the terminal, also where there is a screen")
    live.add_argument("--metrics", type=_port, metavar="PORT", help="serve OpenMetrics text on this machine alone")
    special = live.add_mutually_exclusive_group()
    special.add_argument(
        "--kiosk",
        action="store_true",
        help="start again when it dies or hangs; waits for sources, fills the screen",
    )
    special.add_argument(
        "--clap",
        nargs="?",
        const="measure",
        choices=["measure", "forget"],
        help="measure, with flashes and beeps, how much later sound arrives than its picture; or forget it",
    )
    recording.add_arguments(live)
    live.add_argument(
        "--notice", metavar="FILE", help="with --kiosk: a text of your own that says what visitors agree to"
    )
    _common(live)

    run = commands.add_parser("run", help="recognise in a media file", epilog=_RUN_EXAMPLES, formatter_class=raw)
    run.add_argument("file", type=Path, metavar="FILE", help="film or sound, any common format")
    run.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    run.add_argument("--overwrite", action="store_true", help="replace results that are there")
    run.add_argument("--overlay", action="store_true", help="also write overlay.mkv: the film with what was recognised")
    run.add_argument("--pace", choices=["realtime", "fastest"], default="fastest", help="default: fastest")
    run.add_argument(
        "--alignment",
        choices=["causal", "centred"],
        default="causal",
        help="causal (default): only what was known by then, as live; centred: the paper's protocol, each frame",
    )
    run.add_argument("--annotations", metavar="LIST", help="also files for other tools: eaf,textgrid,vtt,… or all")
    _common(run)

    demo = commands.add_parser("demo", help="play a short clip as if live; needs no camera and no microphone")
    demo.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default: realtime-cer-demo)")
    demo.add_argument("--overwrite", action="store_true", help="replace results that are there")
    demo.add_argument("--no-window", action="store_true", help="show it in the terminal, also where there is a screen")
    _common(demo)

    annotate = commands.add_parser(
        "annotate",
        help="recognise in every file of a folder, unattended",
        epilog=_ANNOTATE_EXAMPLES,
        formatter_class=raw,
    )
    annotate.add_argument("folder", type=Path, metavar="FOLDER", help="holds the films and sounds, at any depth")
    annotate.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the results")
    annotate.add_argument("--workers", type=_count, metavar="N", help="files at a time (default: one a processor core)")
    annotate.add_argument(
        "--ray",
        nargs="?",
        const="local",
        metavar="ADDRESS",
        help="work on a Ray cluster: its address, or auto; without one, a Ray of this machine alone",
    )
    annotate.add_argument("--annotations", metavar="LIST", help="also files for other tools: eaf,textgrid,vtt,… or all")
    annotate.add_argument(
        "--alignment", choices=["causal", "centred"], default="causal", help="as for run (default: causal)"
    )
    annotate.add_argument("--overwrite", action="store_true", help="do again what is done, and replace what is there")
    _common(annotate)

    devices = commands.add_parser("devices", help="list cameras, microphones and engines")
    doctor = commands.add_parser("doctor", help="check the installation, and say what to do about each failure")
    for one in (devices, doctor):
        one.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    matrix = commands.add_parser(
        "kiosk-matrix", help="what visitors of a kiosk were asked to show, and what the machine said"
    )
    matrix.add_argument(
        "--out", type=Path, metavar="DIR", help="a table and a picture there, instead of the table here"
    )
    matrix.add_argument("--clear", action="store_true", help="then begin anew")
    doctor.add_argument("--profile", metavar="NAME", help=_PROFILE)

    engines.add_arguments(commands, raw)
    sessions.add_arguments(commands, raw)
    replay.add_arguments(commands, raw, _RULES)

    score.add_arguments(
        commands.add_parser(
            "score",
            help="hold results against what a human says of the same film",
            epilog=score.EXAMPLES,
            formatter_class=raw,
        )
    )

    authors = commands.add_parser(
        "import-avcer", help="make a profile of the authors' networks", epilog=_IMPORT_EXAMPLES, formatter_class=raw
    )
    authors.add_argument("folder", type=Path, metavar="DIR", help="holds the authors' three files")
    authors.add_argument("--name", default="avcer", metavar="NAME", help="of the profile (default: avcer)")
    authors.add_argument("--overwrite", action="store_true", help="replace a profile that is there")
    return parser
