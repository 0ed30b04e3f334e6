#!/usr/bin/env bash
# The tests that need a Trino server, on two servers of their own, each test once:
# on a coordinator and two workers on loopback with a catalog in files, what is
# about workers and nodes, and the life of a project; on one node with a JDBC
# catalog in PostgreSQL, all others, above all what several clients do at once.
# What is missing is fetched or, as root on Debian, installed; nothing is skipped.
# It runs them in short mode, which kills clients and the coordinator at fewer
# points of a build; WAREHOUSE_TEST_FLAGS= runs all.
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
	work=$1 engine=$2 runner=$3 skip=${4:-^$}
	# tests prints how each test ended and what it took, and all if one fails.
	tests() { # FOLDER BINARY RUN
		echo "   $1"
		(cd "$1" && "$2" -test.v -test.timeout 60m -test.run "$3" -test.skip "$skip" $WAREHOUSE_TEST_FLAGS 2>&1) | tee "$work/log" | grep --line-buffered -e '^--- ' || true
		grep -qx PASS "$work/log" || { cat "$work/log" && exit 1; }
	}
	tests runner/engine/trino "$work/engine.test" "$engine"
	tests runner "$work/runner.test" "$runner"
S
chmod +x "$work/suite"
export WAREHOUSE_TRINO_REQUIRED=1 TRINO_MAX_ERROR=10s WAREHOUSE_TEST_FLAGS=${WAREHOUSE_TEST_FLAGS--test.short}
# Servers that live for minutes and get small statements: compile quickly.
export TRINO_JAVA_FLAGS=${TRINO_JAVA_FLAGS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}

# On one server or the other. Of what is skipped the first pattern that a test's
# name begins to match decides: the one for a part of a test comes last.
nodes='^(TestEngines/trino|TestExampleOnBothEngines|TestTrinoKilledWorker|TestTrinoKilledCoordinator)$'

echo "-- catalog in files, two workers"
timeout 4000 "$server" with -w 2 "$work/suite" "$work" 'TestDialect|TestTrino/(runs|odd_names)|TestTrinoInAnOddSchema/(runs|odd_names)' "$nodes"

echo "-- catalog in PostgreSQL"
timeout 4000 "$server" with -j "$work/suite" "$work" '^TestTrino$' '^TestTrino' "$nodes|^TestTrino$/odd_names"
