"""What ``--help`` shows last, by command, where the command does not bring it along itself."""

from collections.abc import Mapping
from typing import Final

_LIVE = """examples:
  realtime-cer live                                   first camera and default microphone
  realtime-cer live --camera 1 --microphone "USB Audio"
  realtime-cer live --camera http://192.168.1.20:8080/ --microphone none
  realtime-cer live --camera clip.mp4                 a file, played as if it were a camera
  realtime-cer live --headless --duration 60 > rows.jsonl
  realtime-cer live --record recordings --consent "signed on paper, 4 May" --forget-after 90
  realtime-cer live --headless --metrics 9477 > rows.jsonl    and: curl http://127.0.0.1:9477/metrics
  realtime-cer live --clap                            how much later sound comes than its picture, once per device
  realtime-cer live --kiosk --camera 0 --microphone default   started again whenever it dies or hangs"""

_RUN = """examples:
  realtime-cer run interview.mp4 --out results
  realtime-cer run interview.mp4 --out results --overwrite --rule rule2 --weights avcer-7cl
  realtime-cer run interview.mp4 --out results --overlay     also a film with the curves
  realtime-cer run interview.mp4 --out results --annotations eaf,vtt     also files for ELAN and players
  realtime-cer run speech.wav --out results           sound alone
  realtime-cer run noisy.mp4 --out results --voice mouth
  realtime-cer run interview.mp4 --out results --alignment centred"""

_DEMO = """examples:
  realtime-cer demo                                   results go to realtime-cer-demo in this folder
  realtime-cer demo --no-window                       in the terminal, also where there is a screen
  realtime-cer demo --out first --rule rule2"""

_ANNOTATE = """Every film and sound file below the folder gets a folder of results of its own below DIR,
as from run. What is done is not done again: after an interruption, or when files were added, give the same command
once more. Exit code 2 if a file could not be read, 1 if one brought the program down; all others are done.

examples:
  realtime-cer annotate recordings --out annotated
  realtime-cer annotate recordings --out annotated --annotations eaf,vtt
  realtime-cer annotate recordings --out annotated --workers 8
  realtime-cer annotate /shared/films --out /shared/annotated --ray 10.0.0.5:6379"""

_DEVICES = """examples:
  realtime-cer devices                                each with the words that select it
  realtime-cer devices --json"""

_DOCTOR = """Exit code 1 if something is missing that the program needs.

examples:
  realtime-cer doctor
  realtime-cer doctor --json > doctor.json            to send along with a question
  realtime-cer doctor --profile avcer                 the networks of another profile"""

_MATRIX = """Visitors of live --kiosk press P to pose, and Y where that was it. Exit code 2 while nothing is counted.

examples:
  realtime-cer kiosk-matrix                           the table, as CSV
  realtime-cer kiosk-matrix --out room --clear        a table and a picture, and begin anew"""

_IMPORT = """The folder holds the authors' files, which do not come along: FER_static_ResNet50_AffectNet.pt,
FER_dinamic_LSTM_Aff-Wild2.pt, and epoch_63.pth (8 classes of sound) or epoch_51.pth (7 classes).

examples:
  realtime-cer import-avcer ~/Downloads/avcer
  realtime-cer live --profile avcer                   with the authors' weights and rule
  realtime-cer run interview.mp4 --out results --profile avcer --rule rule2
  realtime-cer import-avcer ~/Downloads/seven --name avcer-7cl"""

_BUILD = """examples:
  realtime-cer engines build                          for the GPU of this machine
  realtime-cer engines build --target 8.6             for GeForce 30 cards, on any machine
  realtime-cer engines build --profile avcer --precision fp32"""

_VERIFY = """examples:
  realtime-cer engines verify
  realtime-cer engines verify --profile avcer"""

_SESSION = "recordings/2026-05-04_10-30-00"

_LIST = """examples:
  realtime-cer sessions list recordings
  realtime-cer sessions list recordings --json"""

_REEL = f"""examples:
  realtime-cer sessions reel {_SESSION}
  realtime-cer sessions reel {_SESSION} --out best.mkv"""

_DELETE = f"""examples:
  realtime-cer sessions delete {_SESSION}
  realtime-cer sessions delete --yes recordings/2026-05-*"""

EXAMPLES: Final[Mapping[str, str]] = {
    "live": _LIVE,
    "run": _RUN,
    "demo": _DEMO,
    "annotate": _ANNOTATE,
    "devices": _DEVICES,
    "doctor": _DOCTOR,
    "kiosk-matrix": _MATRIX,
    "import-avcer": _IMPORT,
    "engines build": _BUILD,
    "engines verify": _VERIFY,
    "engines list": "examples:\n  realtime-cer engines list",
    "engines clear": "examples:\n  realtime-cer engines clear",
    "sessions list": _LIST,
    "sessions show": f"examples:\n  realtime-cer sessions show {_SESSION}",
    "sessions repair": "examples:\n  realtime-cer sessions repair recordings",
    "sessions overlay": f"examples:\n  realtime-cer sessions overlay {_SESSION}",
    "sessions reel": _REEL,
    "sessions delete": _DELETE,
}
