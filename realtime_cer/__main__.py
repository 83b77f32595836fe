"""``python -m realtime_cer``."""

from realtime_cer.cli import program

program()
