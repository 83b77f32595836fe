# Sourced by scripts/demo and scripts/test: sets up the project on Debian or Ubuntu. Idempotent; quick the second time.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV="$ROOT/.venv"

die() {
    printf '%s\n' "$1" >&2
    exit 2
}

# shellcheck disable=SC2034  # used by who sources this
CORE_PACKAGES=(
    libportaudio2 libgl1 libegl1 libglib2.0-0 fonts-dejavu-core libfontconfig1 libdbus-1-3
    libxkbcommon-x11-0 libxcb-cursor0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0
)
# shellcheck disable=SC2034
TEST_PACKAGES=(openssl ffmpeg espeak-ng pulseaudio pulseaudio-utils libasound2-plugins xvfb libfaketime)

installed() {
    # Newer releases carry some libraries under a name ending in t64.
    # One of the two is always unknown, so the query's own exit status says nothing.
    grep -qx installed <<<"$(dpkg-query -W -f '${db:Status-Status}\n' "$1" "$1t64" 2>/dev/null || true)"
}

# system_packages NAME...: install what is missing as root; otherwise print the command and give 1.
system_packages() {
    command -v dpkg-query >/dev/null || return 0
    local missing=() name
    for name in "$@"; do
        installed "$name" || missing+=("$name")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        printf 'System packages are missing. Please run:\n  sudo apt-get install --no-install-recommends %s\n' "${missing[*]}" >&2
        return 1
    fi
    printf 'Installing system packages: %s\n' "${missing[*]}"
    local log
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "apt-get could not install ${missing[*]}: see above"
    fi
    rm -f "$log"
}

# Prints the path of a Python that the project runs on.
find_python() {
    local name
    for name in python3 python3.13 python3.12 python3.11 python; do
        if command -v "$name" >/dev/null &&
            "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "Python 3.11, 3.12 or 3.13 is needed: apt-get install python3 python3-venv"
}

# python_packages EXTRAS: make .venv and install the project in it, unless that was done for this pyproject.toml.
python_packages() {
    local extras=$1 wanted log python
    local stamp="$VENV/.installed"
    wanted="$extras $(sha256sum <"$ROOT/pyproject.toml") $ROOT"
    if [ -x "$VENV/bin/realtime-cer" ] && "$VENV/bin/python" -c '' 2>/dev/null && grep -qxF -- "$wanted" "$stamp" 2>/dev/null; then
        return 0
    fi
    if [ ! -x "$VENV/bin/python" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        python=$(find_python) || exit $?
        printf 'Making a virtual environment with %s\n' "$("$python" --version)"
        "$python" -m venv --clear "$VENV" >/dev/null 2>&1 ||
            die "$python cannot make a virtual environment: apt-get install python3-venv"
    fi
    printf 'Installing Python packages (a few minutes the first time)\n'
    log=$(mktemp)
    if ! "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input -e "$ROOT$extras" >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        rm -f "$log"
        die "pip could not install the project: see above"
    fi
    rm -f "$log"
    # What was installed for the tests serves the demo too.
    printf '%s\n' "$wanted" "${wanted#"$extras"}" >"$stamp.new"
    mv "$stamp.new" "$stamp"
}
