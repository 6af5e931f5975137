#!/usr/bin/env bash
# Installs the system packages that a goal needs, only where they are missing, and says so.
#
#   scripts/system_packages.sh run     what the daemon needs: PortAudio, venv, oscsend to try it
#   scripts/system_packages.sh test    besides: a JACK server, a C compiler, flac, ip, and what training sounds are rendered
#                                      with: a General MIDI font, Csound, SuperCollider, Sonic Pi
#
# Debian and Ubuntu through apt (as root or with sudo). On macOS the Python wheels carry PortAudio;
# JACK and liblo come from Homebrew if it is there. Elsewhere it names the packages and goes on.
set -euo pipefail

goal="${1:-run}"
packages=(libportaudio2 liblo-tools)
case "$goal" in
run) ;;
test) packages+=(jackd2 libjack-jackd2-dev gcc libc6-dev flac iproute2
    fluid-soundfont-gm csound supercollider-server sonic-pi-server nodejs) ;;
*)
    echo "unknown goal '$goal': allowed are run and test" >&2
    exit 2
    ;;
esac

say() { printf 'system packages: %s\n' "$*"; }

macos() {
    command -v oscsend >/dev/null && [ "$goal" = run ] && return
    if ! command -v brew >/dev/null; then
        say "nothing needed to play; for oscsend and the JACK tests install Homebrew, then: brew install liblo jack"
        return
    fi
    command -v oscsend >/dev/null || brew install liblo
    [ "$goal" = run ] || command -v jackd >/dev/null || brew install jack
}

# Prints the wanted packages that dpkg does not have installed.
missing_debs() {
    local package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || echo "$package"
    done
}

debian() {
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3 python3-venv)
    local missing
    mapfile -t missing < <(missing_debs "${packages[@]}")
    [ "${#missing[@]}" -eq 0 ] || install_debs "${missing[@]}"
    # Debian 12 has JACK's tools in jackd2; later ones have them in a package of their own.
    if [ "$goal" = test ] && ! command -v jack_lsp >/dev/null; then
        install_debs jack-example-tools
    fi
}

install_debs() {
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "missing $*; become root, or install them, then try again" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    say "installing $*"
    "${as_root[@]}" apt-get update -q
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
        apt-get install -q -y --no-install-recommends "$@"
}

if [ "$(uname -s)" = Darwin ]; then
    macos
elif command -v apt-get >/dev/null; then
    debian
else
    say "no apt here; make sure that these, or their like, are installed: ${packages[*]}"
fi
