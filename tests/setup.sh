#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: Postgres, MariaDB, a C compiler, an S3 server (SeaweedFS) and an AWS
# control plane (moto) in a virtual environment, and cargo-nextest. Made for Debian 12 with Rust; run it as root or with sudo
# rights.
#
# Usage:  tests/setup.sh            QUARREL_TEST_VENV=DIR puts the virtual environment elsewhere
#                                   (default: ${XDG_CACHE_HOME:-$HOME/.cache}/quarrel/venv)
# It may run any number of times: what is present is left alone. A step that fails does not stop the others; the end
# says what is still missing, and the exit code is 1 then.
set -u

here=$(cd "$(dirname "$0")" && pwd)
venv=${QUARREL_TEST_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/quarrel/venv}
missing=()
apt_updated=no

say() { printf 'setup: %s\n' "$*"; }

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif command -v sudo >/dev/null 2>&1; then sudo "$@"
  else say "cannot run '$*': neither root nor sudo"; return 1
  fi
}

# apt_install PACKAGE…: true when apt says that all are installed.
apt_install() {
  command -v apt-get >/dev/null 2>&1 || { say "no apt-get here: install $* yourself"; return 1; }
  if [ "$apt_updated" = no ]; then
    as_root apt-get update -qq || say "apt-get update failed; trying with the lists at hand"
    apt_updated=yes
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"
}

# want NAME TEST INSTALL: runs INSTALL unless TEST passes, then says how it ended.
want() {
  local name=$1 present=$2 install=$3
  if "$present"; then say "$name: present"; return; fi
  say "$name: installing"
  "$install" || say "$name: the installation reported an error"
  if "$present"; then say "$name: installed"; else say "$name: MISSING"; missing+=("$name"); fi
}

has_compiler() { command -v cc >/dev/null 2>&1; }
install_compiler() { apt_install gcc libc6-dev; }

has_postgres() {
  [ -n "${QUARREL_TEST_POSTGRES_BIN:-}" ] && [ -x "$QUARREL_TEST_POSTGRES_BIN/initdb" ] && return
  command -v initdb >/dev/null 2>&1 && return
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null
}
install_postgres() { apt_install postgresql && say "Debian also starts a server of its own on port 5432; the tests do not use it"; }

has_mariadb() {
  { [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1; } &&
    command -v mariadb-install-db >/dev/null 2>&1 && command -v my_print_defaults >/dev/null 2>&1
}
# The core packages hold the programs alone: no service is set up or started.
install_mariadb() { apt_install mariadb-server-core mariadb-client-core; }

has_venv() { [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >/dev/null 2>&1; }
install_venv() {
  # A python3 without ensurepip makes a venv without pip: Debian keeps it in python3-venv.
  python3 -c 'import ensurepip' >/dev/null 2>&1 || apt_install python3 python3-venv
  mkdir -p "$(dirname "$venv")" && python3 -m venv "$venv"
}

has_python_servers() {
  { [ -x "$venv/bin/weed" ] || command -v weed >/dev/null 2>&1; } && "$venv/bin/python" -c 'import moto.server' >/dev/null 2>&1
}
install_python_servers() { "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements.txt"; }

has_cargo() { command -v cargo >/dev/null 2>&1; }
no_cargo() { say "install Rust with rustup, then run this again"; return 1; }

has_nextest() { cargo nextest --version >/dev/null 2>&1; }
install_nextest() { cargo install cargo-nextest --locked; }

want "C compiler" has_compiler install_compiler
want "PostgreSQL" has_postgres install_postgres
want "MariaDB" has_mariadb install_mariadb
if has_python_servers; then
  say "S3 server (SeaweedFS), AWS control plane (moto): present"
else
  want "Python virtual environment" has_venv install_venv
  want "S3 server (SeaweedFS), AWS control plane (moto)" has_python_servers install_python_servers
fi
want "Rust" has_cargo no_cargo
if has_cargo; then want "cargo-nextest" has_nextest install_nextest; fi

if [ ${#missing[@]} -gt 0 ]; then
  say "still missing: $(IFS=,; echo "${missing[*]}")"
  exit 1
fi
say "everything the tests need is here"
