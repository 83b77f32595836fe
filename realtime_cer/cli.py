"""The command line: reads flags, turns refusals into one line, and sets the exit code."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from realtime_cer import __version__
from realtime_cer.errors import Refused

DONE, FAULT, REFUSED, INTERRUPTED = 0, 1, 2, 130

_LIVE_EXAMPLES = """examples:
  realtime-cer live                                   first camera and default microphone
  realtime-cer live --camera 1 --microphone "USB Audio"
  realtime-cer live --camera http://192.168.1.20:8080/ --microphone none
  realtime-cer live --camera clip.mp4                 a file, played as if it were a camera
  realtime-cer live --headless --duration 60 > rows.jsonl"""

_RUN_EXAMPLES = """examples:
  realtime-cer run interview.mp4 --out results
  realtime-cer run interview.mp4 --out results --overwrite --rule rule2 --weights avcer-7cl
  realtime-cer run interview.mp4 --out results --overlay     also a film with the curves
  realtime-cer run speech.wav --out results           sound alone
  realtime-cer run noisy.mp4 --out results --voice mouth
  realtime-cer run interview.mp4 --out results --alignment centred"""

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


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    from realtime_cer.commands import engines

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
    live.add_argument("--record", type=Path, metavar="DIR", help="keep film and decisions in a new folder below DIR")
    live.add_argument("--wait", action="store_true", help="wait for a source that is not there yet")
    live.add_argument("--no-window", action="store_true", help="show it in the terminal, also where there is a screen")
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
    _common(run)

    demo = commands.add_parser("demo", help="play a short clip as if live; needs no camera and no microphone")
    demo.add_argument("--out", type=Path, metavar="DIR", help="folder for the results (default: realtime-cer-demo)")
    demo.add_argument("--overwrite", action="store_true", help="replace results that are there")
    demo.add_argument("--no-window", action="store_true", help="show it in the terminal, also where there is a screen")
    _common(demo)

    devices = commands.add_parser("devices", help="list cameras, microphones and engines")
    doctor = commands.add_parser("doctor", help="check the installation, and say what to do about each failure")
    for one in (devices, doctor):
        one.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    doctor.add_argument("--profile", metavar="NAME", help=_PROFILE)

    engines.add_arguments(commands, raw)

    authors = commands.add_parser(
        "import-avcer", help="make a profile of the authors' networks", epilog=_IMPORT_EXAMPLES, formatter_class=raw
    )
    authors.add_argument("folder", type=Path, metavar="DIR", help="holds the authors' three files")
    authors.add_argument("--name", default="avcer", metavar="NAME", help="of the profile (default: avcer)")
    authors.add_argument("--overwrite", action="store_true", help="replace a profile that is there")
    return parser


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """The flags that override the configuration."""
    return {
        "rule": options.rule,
        "weights": options.weights,
        "voice.source": options.voice,
        "engine": options.engine,
        "profile": options.profile,
        "always_decide": options.always_decide,
    }


def _dispatch(options: argparse.Namespace) -> int:
    """Run one command; heavy parts are imported by the command that needs them."""
    if options.command == "devices":
        from realtime_cer.commands.devices import run_devices

        return run_devices(as_json=options.json)
    if options.command == "doctor":
        from realtime_cer.commands.doctor import run_doctor

        if options.profile is None:
            return run_doctor(as_json=options.json)
        from realtime_cer.inference.profile import read_profile

        return run_doctor(as_json=options.json, folder=read_profile(options.profile).folder)
    if options.command == "engines":
        from realtime_cer.commands.engines import run_engines

        return run_engines(options)
    if options.command == "import-avcer":
        from realtime_cer.commands.import_avcer import run_import

        return run_import(options.folder, options.name, options.overwrite)

    from realtime_cer.config import read_config
    from realtime_cer.inference.profile import settled

    config = settled(read_config(options.config, _settings(options)))
    if options.command in ("live", "demo") and sys.stderr is sys.__stderr__:
        from realtime_cer.quiet import mute_native

        mute_native()
    if options.command == "run":
        from realtime_cer.commands.run import run_file

        return run_file(
            options.file,
            options.out,
            config,
            overwrite=options.overwrite,
            pace=options.pace,
            overlay=options.overlay,
            alignment=options.alignment,
        )
    if options.command == "demo":
        from realtime_cer.commands.demo import run_demo

        return run_demo(options.out, config, overwrite=options.overwrite, window=not options.no_window)

    from realtime_cer.commands.live import run_live

    return run_live(
        config,
        camera=options.camera,
        microphone=options.microphone,
        headless=options.headless,
        duration_s=options.duration,
        wait=options.wait,
        window=not options.no_window,
        record=options.record,
    )


def _interrupt(*_: object) -> NoReturn:
    """The first signal ends in order; the second always wins."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(INTERRUPTED))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(INTERRUPTED))
    raise KeyboardInterrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; gives the exit code: 0 done, 1 a fault of ours, 2 refused, 130 interrupted."""
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return _dispatch(build_parser().parse_args(arguments))
    except Refused as refusal:
        print(f"realtime-cer: {' '.join(str(refusal).split(chr(10)))}", file=sys.stderr)
        return REFUSED
    except ImportError as error:
        if ".so" not in str(error) and "DLL" not in str(error):
            raise
        print(f"realtime-cer: a system library is missing ({error}): realtime-cer doctor says which", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our rows has gone: nothing more to say. Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


if __name__ == "__main__":
    sys.exit(main())
