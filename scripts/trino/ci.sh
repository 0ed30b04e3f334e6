#!/usr/bin/env bash
# The tests that need a Trino server, on servers of their own: coordinator and
# two workers on loopback. Everything once with a catalog in files; what several
# clients do at once again with a JDBC catalog in PostgreSQL. What is missing is
# fetched or, as root on Debian, installed; nothing is skipped.
set -euo pipefail
cd "$(dirname "$0")/../.."
server=$PWD/scripts/trino/server.sh

# install gets the Debian packages of commands that are missing.
install() { # COMMAND PACKAGE…
	command -v "$1" >/dev/null && return
	shift
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "ci.sh: missing: $*" >&2
		exit 1
	fi
	echo "installing $*"
	{ timeout 300 apt-get update -qq && DEBIAN_FRONTEND=noninteractive timeout 600 apt-get install -y -qq --no-install-recommends "$@"; } >/dev/null
}

echo "-- tools"
install curl curl
install mvn maven
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || install initdb-is-missing postgresql
timeout 900 "$server" fetch

echo "-- test binaries"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go test -race -c -o "$work/runner.test" ./runner
go test -race -c -o "$work/engine.test" ./runner/engine/trino

# Each test runs in the folder of its package, as go test does it.
cat >"$work/suite" <<-'S'
	#!/usr/bin/env bash
	set -euo pipefail
	(cd runner/engine/trino && "$1/engine.test" -test.timeout 8m -test.run "$2")
	(cd runner && "$1/runner.test" -test.timeout 15m -test.run "$3")
S
chmod +x "$work/suite"
export WAREHOUSE_TRINO_REQUIRED=1 TRINO_MAX_ERROR=10s

echo "-- catalog in files"
timeout 1500 "$server" with -w 2 "$work/suite" "$work" . '^(TestTrino|TestExampleOnBothEngines)'

echo "-- catalog in PostgreSQL"
timeout 900 "$server" with -w 2 -j "$work/suite" "$work" 'Trino$/(runs|writers|evolve)' '^TestTrino(TwoBuilds|Readers|Stopped)'
