"""``python -m realtime_cer``."""

import sys

from realtime_cer.cli import main

sys.exit(main())
