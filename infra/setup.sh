#!/bin/sh
# Puts on a fresh Debian machine what it lacks. Asks nothing, and leaves alone what is there already.
#
#   infra/setup.sh environment   uv into .tools/, the locked Python environment into .venv/
#   infra/setup.sh test          what the tests take from Debian: PostgreSQL, psql, Chromium, OpenSSH, rsync, git;
#                                Ansible and OpenBao into .tools/
#   infra/setup.sh browser      what the page takes from npm into api/web/static/vendor/, for its tests .tools/browser/
#   infra/setup.sh libpq         psql 18 with libpq's own OAuth into .tools/libpq/, for `make test-libpq`
#   infra/setup.sh bench         what the measurements take from Debian: PostgreSQL, psql, pgbouncer, wrk, OpenSSH
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.8
PYTHON=${PYTHON:-python3}
uv=.tools/uv/bin/uv

say() { printf 'setup: %s\n' "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    else
        sudo -n "$@" || fail "this needs root; run it by hand, then try again: $*"
    fi
}

# The Debian packages named, where they are missing.
debian() {
    missing=
    for package in "$@"; do
        status=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
        [ "$status" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || fail "this is not Debian; install what these packages hold:$missing"
    say "Debian packages:$missing"
    apt="env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300"
    as_root $apt update
    as_root $apt install --no-install-recommends $missing
}

# Runs pip from the first place that has one: this Python, Debian's, a throw-away environment, apt.
pip() {
    for python in "$PYTHON" /usr/bin/python3; do
        if "$python" -m pip --version >/dev/null 2>&1; then
            "$python" -m pip "$@"
            return
        fi
    done
    if ! "$PYTHON" -m venv --clear .tools/pip >/dev/null 2>&1; then
        rm -rf .tools/pip
        debian python3-pip
        /usr/bin/python3 -m pip "$@"
        return
    fi
    .tools/pip/bin/python -m pip "$@"
}

# sshd is for the tests, which start their own: the service that Debian starts with the package stays off.
without_sshd_service() {
    [ ! -x /usr/sbin/sshd ] || return 0
    say "sshd for the tests; its service is masked (systemctl unmask ssh.service ssh.socket)"
    as_root mkdir -p /etc/systemd/system
    as_root ln -sf /dev/null /etc/systemd/system/ssh.service
    as_root ln -sf /dev/null /etc/systemd/system/ssh.socket
}

environment() {
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
        fail "Python 3.11 or newer is needed as $PYTHON; name another one by PYTHON=…"
    if [ "$($uv --version 2>/dev/null | cut -d' ' -f2)" != "$UV_VERSION" ]; then
        say "uv $UV_VERSION into .tools/"
        pip install --quiet --disable-pip-version-check --root-user-action=ignore --upgrade \
            --target .tools/uv "uv==$UV_VERSION"
    fi
    export UV_PYTHON_DOWNLOADS=never
    [ -x .venv/bin/python ] || "$uv" venv --quiet --python "$PYTHON" .venv
    say "the locked Python environment into .venv/"
    "$uv" sync --locked
}

# A program of PyPI for the tests, beside the environment: its own versions of libraries are not ours. $1: its name
# in .tools/; $2: what it is made of.
beside() {
    ! cmp -s "$2" ".tools/$1/.requirements.txt" || return 0
    say "$1 into .tools/"
    rm -rf ".tools/$1"
    "$uv" pip install --quiet --require-hashes --python .venv/bin/python --target ".tools/$1" --requirement "$2"
    cp "$2" ".tools/$1/.requirements.txt"
}

# asciinema's player and, for the tests, axe-core: by npm from its lock file, never from git. No script of theirs runs.
browser() {
    command -v npm >/dev/null || debian npm
    say "what the page takes from npm"
    mkdir -p .tools/browser api/web/static/vendor
    cp api/web/package.json api/web/package-lock.json .tools/browser/
    npm ci --prefix .tools/browser --ignore-scripts --no-audit --no-fund --loglevel=error
    for file in asciinema-player.min.js asciinema-player.css; do
        cp ".tools/browser/node_modules/asciinema-player/dist/bundle/$file" api/web/static/vendor/
    done
    cp .tools/browser/node_modules/asciinema-player/LICENSE api/web/static/vendor/asciinema-player.LICENSE
}

# psql 18 with libpq's own OAuth, of Debian's next release, into .tools/libpq/: with all that it stands on, down to
# the C library, so that this machine's stays as it is.
libpq() {
    [ ! -x .tools/libpq/psql ] || return 0
    release=forky
    archive=$(apt-get indextargets --format '$(REPO_URI)' | grep '/debian/$' | sort -u | head -n 1)
    here=$PWD/.tools/libpq
    say "psql 18 of Debian $release into .tools/libpq/"
    rm -rf "$here"
    mkdir -p "$here/lists/partial" "$here/cache/archives/partial" "$here/tree"
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $release main" >"$here/sources.list"
    apt="apt-get -q -o Dir::Etc::sourcelist=$here/sources.list -o Dir::Etc::sourceparts=- -o Dir::State::lists=$here/lists
        -o Dir::Cache=$here/cache -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -o Acquire::Retries=3"
    $apt update
    packages=$($apt install --simulate --no-install-recommends postgresql-client-18 libpq-oauth | awk '/^Inst/ {print $2}')
    (cd "$here/cache" && $apt download $packages)
    for package in "$here"/cache/*.deb; do
        dpkg --extract "$package" "$here/tree"
    done
    rm -rf "$here/lists" "$here/cache"
    libraries=$(dirname "$(find "$here/tree" -name 'libpq.so.5' | head -n 1)")
    printf '#!/bin/sh\nexec "%s" --library-path "%s" "%s" "$@"\n' "$libraries/ld-linux-x86-64.so.2" "$libraries" \
        "$here/tree/usr/lib/postgresql/18/bin/psql" >"$here/psql"
    chmod +x "$here/psql"
}

case ${1:-} in
environment) environment ;;
# libatomic1: the driver that steers Chromium is linked with it.
test)
    without_sshd_service
    debian postgresql postgresql-client chromium fonts-liberation libatomic1 openssh-client openssh-server ssh-audit rsync git
    beside ansible tests/clients/ssh/requirements.txt
    beside openbao tests/credentials/requirements.txt
    ;;
browser) browser ;;
libpq) libpq ;;
bench)
    without_sshd_service
    debian postgresql postgresql-client pgbouncer wrk curl openssh-client openssh-server
    ;;
*) fail "expected environment, test, browser, libpq or bench" ;;
esac
