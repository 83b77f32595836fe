"""A virtual microphone: a PulseAudio server of its own with a null sink, heard through ALSA and PortAudio.

What is played into the sink is what the microphone hears. The server runs as a child process in a folder of its
own, also as root, touches no other sound server, and ends with `VirtualMicrophone.close`. Programs hear it when
they start with `VirtualMicrophone.env`; this process does inside `VirtualMicrophone.here`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

NEEDED = ("pulseaudio", "pactl", "paplay")

ALSA = """
<{system}>
pcm.!default {{ type pulse }}
ctl.!default {{ type pulse }}
pcm.stage_microphone {{ type pulse device "stage.monitor" hint {{ show on description "Stage microphone" }} }}
pcm.stage_second {{ type pulse device "stage.monitor" hint {{ show on description "Stage second" }} }}
pcm.booth_microphone {{ type pulse device "booth.monitor" hint {{ show on description "Booth microphone" }} }}
"""


def missing() -> str | None:
    """Why there can be no virtual microphone on this machine, or None."""
    absent = [name for name in NEEDED if shutil.which(name) is None]
    if absent:
        return f"no virtual microphone: {', '.join(absent)} not installed"
    if not list(Path("/usr/lib").glob("*/alsa-lib/libasound_module_pcm_pulse.so")):
        return "no virtual microphone: libasound2-plugins not installed"
    return None


class VirtualMicrophone:
    """A running sound server whose only sink, ``stage``, is heard by the default microphone.

    Every fault has its remedy: `kill` and `start`, `unplug` and `plug`, `starve` and `feed`, `hang` and `go_on`.

    Attributes
    ----------
    env : the variables that make a program hear it
    rate : samples per second of the stage
    """

    def __init__(self, rate: int = 48_000) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="stage-"))
        socket = self.folder / "socket"
        alsa = self.folder / "alsa.conf"
        alsa.write_text(ALSA.format(system="/usr/share/alsa/alsa.conf"), encoding="utf-8")
        self.env = {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "PULSE_RUNTIME_PATH": str(self.folder),
            "PULSE_STATE_PATH": str(self.folder),
            "PULSE_SERVER": f"unix:{socket}",
            "ALSA_CONFIG_PATH": str(alsa),
        }
        self.rate = rate
        self.start()

    def start(self) -> None:
        """Start the server, again after `kill`."""
        modules = [
            f"module-native-protocol-unix auth-anonymous=1 socket={self.folder / 'socket'}",
            f"module-null-sink sink_name=stage rate={self.rate} channels=2 norewinds=1 {_titled('stage')}",
        ]
        loads = [word for module in modules for word in ("-L", module)]
        fixed = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--disable-shm=yes"]
        self._server = subprocess.Popen(
            ["pulseaudio", *fixed, *loads],
            env=os.environ | self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(100):
            if self._server.poll() is not None:
                raise RuntimeError("pulseaudio ended at once")
            if self.tell("info", check=False):
                break
            time.sleep(0.05)
        self.choose("stage")

    def tell(self, *words: str, check: bool = True) -> str:
        """Give the server a command through pactl; its answer."""
        done = subprocess.run(
            ["pactl", *words], env=os.environ | self.env, capture_output=True, text=True, timeout=10, check=check
        )
        return done.stdout

    def play(self, path: Path, sink: str = "stage") -> "subprocess.Popen[bytes]":
        """Play a sound file into the microphone; the process ends with the file."""
        words = ["paplay", f"--device={sink}", "--latency-msec=400", str(path)]
        return subprocess.Popen(words, env=os.environ | self.env)

    def unplug(self, sink: str = "stage") -> None:
        """Take the microphone away: its streams are ended, or moved to another source if there is one."""
        for line in self.tell("list", "short", "modules").splitlines():
            if f"sink_name={sink}" in line:
                self.tell("unload-module", line.split()[0])

    def plug(self, sink: str = "stage", rate: int | None = None, *, default: bool = True) -> None:
        """Give the microphone back, or plug in another one, by the name of its sink: ``booth`` is known to ALSA too."""
        words = [f"sink_name={sink}", f"rate={rate or self.rate}", "channels=2", "norewinds=1", _titled(sink)]
        self.tell("load-module", "module-null-sink", *words)
        if default:
            self.choose(sink)

    def choose(self, sink: str) -> None:
        """Make a microphone the system's default."""
        self.tell("set-default-source", f"{sink}.monitor")

    def switch_rate(self, rate: int) -> None:
        """Let the microphone come back at another rate, as when a program takes it over."""
        self.rate = rate
        self.unplug()
        self.plug()

    def starve(self) -> None:
        """Suspend the microphone: its streams stay open, raise nothing, and get nothing."""
        self.tell("suspend-sink", "stage", "1")

    def feed(self) -> None:
        """End `starve`."""
        self.tell("suspend-sink", "stage", "0")

    def hang(self) -> None:
        """Stop the server in its tracks: whoever asks it anything waits until `go_on`."""
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """End `hang`."""
        self._server.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """End the server, as when a session's sound service crashes."""
        self._server.kill()
        self._server.wait(5)

    def close(self) -> None:
        """End the server and remove its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def here(self) -> Iterator[None]:
        """Make this process hear it: its variables are set and PortAudio is started anew, and again afterwards."""
        before = {name: os.environ.get(name) for name in self.env}
        os.environ.update(self.env)
        restart_portaudio()
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            restart_portaudio()


def _titled(sink: str) -> str:
    """The words that make the server call a sink's microphone ``Monitor of Stage``, or of what it is."""
    return f"sink_properties=device.description={sink.capitalize()}"


def restart_portaudio() -> None:
    """Let PortAudio look at the environment and the devices again."""
    from realtime_cer.capture import portaudio

    portaudio.restart()


def write_wav(path: Path, samples: npt.NDArray[np.float32], rate: int) -> Path:
    """Write (n,) float32 samples as 16 bit mono."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def read_wav(path: Path) -> tuple[int, npt.NDArray[np.float32]]:
    """Rate and (n,) samples of a 16 bit mono file."""
    with wave.open(str(path), "rb") as file:
        raw = file.readframes(file.getnframes())
        return file.getframerate(), (np.frombuffer(raw, "<i2") / 32768).astype(np.float32)


def speak(path: Path, words: str = "I did not expect to see you here today, what a surprise!") -> Path:
    """Let espeak-ng say something into a WAV file."""
    subprocess.run(["espeak-ng", "-w", str(path), words], check=True, timeout=30)
    return path
