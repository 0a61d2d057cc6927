#!/usr/bin/env bash
# Everything that `make fit` (set_up.sh fit), `make view` (view) and `make test`, `make lint` (dev) need, once; afterwards
# it returns at once, until setup.py, constraints.txt or this file change, the checkout moves, or a GPU appears.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly profile=${1:?usage: set_up.sh fit|view|dev}
readonly log=build/set_up.log
case $profile in
    fit) readonly extras=detect ;;
    view) readonly extras=detect,view ;;
    dev) readonly extras=dev ;; # detect and view, and the tools
    *) echo "set_up.sh: expected fit, view or dev, got $profile" >&2 && exit 2 ;;
esac
if gpus=$(nvidia-smi -L 2>/dev/null) && [[ $gpus == GPU* ]]; then readonly device=cuda; else readonly device=cpu; fi
stamp=$({ pwd && cat setup.py constraints.txt .ci/set_up.sh; } | sha256sum | cut -c1-16)-$device
readonly stamp

is_done() { # PROFILE: this very set-up has been completed
    [ -x .venv/bin/python ] && [ "$(cat ".venv/done-$1" 2>/dev/null)" = "$stamp" ]
}

main() {
    if is_done "$profile" || is_done dev || { [ "$profile" = fit ] && is_done view; }; then exit 0; fi
    mkdir -p "$(dirname "$log")"
    step 1 "Python"
    python=$(find_python)
    step 2 "system libraries"
    install_system_packages
    if [ "$profile" = dev ]; then install_test_packages; fi
    step 3 "virtual environment .venv ($("$python" --version))"
    make_environment
    step 4 "torch ($device)"
    install_torch
    step 5 "packages (the first time some minutes: about 1 GB)"
    quietly .venv/bin/python -m pip install --constraint constraints.txt --editable ".[$extras]"
    step 6 "compile the kernels"
    if [ -f fitter/app/warm_up.py ]; then quietly .venv/bin/python -m fitter.app.warm_up; fi
    echo "$stamp" > ".venv/done-$profile"
    echo "set-up complete after $SECONDS s" >&2
}

step() { # NUMBER TEXT
    echo "set-up $1/6: $2" >&2
}

stop() { # TEXT...: end with one message
    printf 'set-up stopped: %s\n' "$*" >&2
    exit 1
}

quietly() { # COMMAND...: its output goes to the log; on a terminal its latest line is the progress line
    echo "\$ $*" >> "$log"
    if [ -t 2 ]; then
        "$@" 2>&1 | tee -a "$log" | while IFS= read -r line; do printf '\r\033[K  %.100s' "$line" >&2; done &&
            printf '\r\033[K' >&2 && return
    elif "$@" >> "$log" 2>&1; then
        return
    fi
    printf '\n' >&2
    tail -n 15 "$log" >&2
    stop "this command failed: $* (all of its output: $log)"
}

find_python() { # the first interpreter that works and has a version that every package supports
    for candidate in ${PYTHON:+"$PYTHON"} python3.11 python3.12 python3.10 python3 python; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    stop "no Python 3.10, 3.11 or 3.12 found; install one (Debian 12: apt-get install python3 python3-venv)," \
        "or name it: make PYTHON=/path/to/python3.11 ..."
}

install_system_packages() { # what the wheels expect from the system, and Debian leaves out of python3
    local missing=()
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        missing+=("$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')")
    has_library libGL.so.1 || missing+=(libgl1)                # opencv, open3d
    has_library libEGL.so.1 || missing+=(libegl1)              # open3d
    has_library libgthread-2.0.so.0 || missing+=(libglib2.0-0) # opencv
    has_library libgomp.so.1 || missing+=(libgomp1)            # open3d
    has_library libusb-1.0.so.0 || missing+=(libusb-1.0-0)     # open3d
    [ ${#missing[@]} -gt 0 ] || return 0
    local install="apt-get install --yes --no-install-recommends ${missing[*]}"
    if ! command -v apt-get > /dev/null; then
        stop "these Debian packages, under your system's names, are needed: ${missing[*]}"
    elif [ "$(id -u)" = 0 ]; then
        apt_get "" "$install"
    elif sudo -n true 2>/dev/null; then
        apt_get "sudo -n" "$install"
    else
        stop "system packages are missing and need an administrator. Run this, then the same make again:
    sudo apt-get update && sudo $install"
    fi
}

install_test_packages() { # a display and a browser, which some tests drive; those say why they skip without
    local missing=() prefix=""
    command -v Xvfb > /dev/null || missing+=(xvfb)
    command -v chromium > /dev/null || missing+=(chromium)
    [ ${#missing[@]} -gt 0 ] || return 0
    if command -v apt-get > /dev/null && { [ "$(id -u)" = 0 ] || { sudo -n true 2>/dev/null && prefix="sudo -n"; }; }; then
        if (apt_get "$prefix" "apt-get install --yes --no-install-recommends ${missing[*]}") >> "$log" 2>&1; then return 0; fi
    fi
    echo "  without ${missing[*]} the tests of the viewer's window or of pages are skipped" >&2
}

has_library() { # SONAME
    "$python" -c 'import ctypes, sys; ctypes.CDLL(sys.argv[1])' "$1" 2>/dev/null
}

apt_get() { # PREFIX INSTALL-COMMAND, both split into words
    export DEBIAN_FRONTEND=noninteractive
    # shellcheck disable=SC2086
    { quietly $1 apt-get update && quietly $1 $2; }
}

make_environment() {
    if ! .venv/bin/python -c 'import pip, sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
        rm -rf .venv
        "$python" -m venv .venv
    fi
    rm -f .venv/done-*
}

install_torch() { # without an NVIDIA GPU the CPU build, which is smaller by several gigabytes
    local version
    local pip=(.venv/bin/python -m pip install --constraint constraints.txt)
    version=$(sed -n 's/^torch==//p' constraints.txt)
    if [ "$device" = cuda ]; then
        if [[ $(.venv/bin/python -m pip show torch 2>/dev/null) == *"Version: "*"+cpu"* ]]; then
            quietly .venv/bin/python -m pip uninstall --yes torch
        fi
        quietly "${pip[@]}" "torch==$version"
        .venv/bin/python -c 'import sys, torch; sys.exit(not torch.cuda.is_available())' ||
            echo "  warning: nvidia-smi lists a GPU that torch $version cannot use (a newer driver?): the CPU is used" >&2
        return
    fi
    # From the sources that pip is configured for, else from PyTorch's own index, else the build with CUDA inside.
    "${pip[@]}" --no-deps "torch==$version+cpu" >> "$log" 2>&1 ||
        "${pip[@]}" --no-deps --retries 0 --timeout 5 --index-url https://download.pytorch.org/whl/cpu "torch==$version+cpu" \
            >> "$log" 2>&1 ||
        quietly "${pip[@]}" "torch==$version"
}

main
