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
	engine=$2 runner=$3 skip=${4:-^$}
	echo "   engine"
	(cd runner/engine/trino && "$1/engine.test" -test.timeout 10m -test.run "$engine" -test.skip "$skip" $WAREHOUSE_TEST_FLAGS)
	echo "   runner"
	(cd runner && "$1/runner.test" -test.timeout 25m -test.run "$runner" -test.skip "$skip" $WAREHOUSE_TEST_FLAGS)
S
chmod +x "$work/suite"
export WAREHOUSE_TRINO_REQUIRED=1 TRINO_MAX_ERROR=10s WAREHOUSE_TEST_FLAGS=${WAREHOUSE_TEST_FLAGS--test.short}
# Servers that live for minutes and get small statements: compile quickly.
export TRINO_JAVA_FLAGS=${TRINO_JAVA_FLAGS:--XX:TieredStopAtLevel=1 -XX:+UseSerialGC}

# On one server or the other.
nodes='^(TestEngines/trino|TestExampleOnBothEngines|TestTrinoKilledWorker|TestTrinoKilledCoordinator)$'

echo "-- catalog in files, two workers"
timeout 1500 "$server" with -w 2 "$work/suite" "$work" 'TestDialect|TestTrino/(runs|odd_names)|TestTrinoInAnOddSchema/(runs|odd_names)' "$nodes"

echo "-- catalog in PostgreSQL"
timeout 1500 "$server" with -j "$work/suite" "$work" '^TestTrino$' '^TestTrino' "TestTrino/odd_names|$nodes"
