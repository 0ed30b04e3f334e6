#!/bin/sh
# Times warehouse beside dbt-core and dbt 2, and compares its rows with dbt-core's:
#
#     bench/peers.sh [SCRATCH] [flags of `go run ./bench peers`, say -rounds 5 -only jaffle]
#
# SCRATCH (default bench/out/peers) gets a Python environment for each peer and a copy of jaffle_shop_duckdb. What is
# there already is used: put a copy of the project at SCRATCH/jaffle_shop_duckdb where GitHub cannot be reached, another
# jaffle_shop with its dbt_packages at SCRATCH/jaffle_shop. Needs go, python3, pip and git. dbt 2 downloads its DuckDB driver;
# where it cannot, npm gets it. Where dbt 2 cannot be installed the script says so and goes on.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
scratch=$here/out/peers
case ${1:--} in -*) ;; *) scratch=$1; shift ;; esac
mkdir -p "$scratch"
scratch=$(cd "$scratch" && pwd)

venv() { # venv NAME PIP-ARGUMENTS...: an environment that has bin/dbt, or a line that says there is none
  at=$scratch/$1; shift
  [ -x "$at/bin/dbt" ] && return
  python3 -m venv "$at" && "$at/bin/pip" install -q "$@" || echo "skipped: $at: pip install $* failed" >&2
}
venv core dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6
venv two --pre --only-binary :all: "dbt==2.0.0rc196"

libs=$scratch/libs/package
if [ -x "$scratch/two/bin/dbt" ] && [ ! -e "$libs/libduckdb.so" ] && [ "$(uname -sm)" = "Linux x86_64" ]; then
  mkdir -p "$scratch/libs"
  (cd "$scratch/libs" && npm pack --silent @duckdb/node-bindings-linux-x64@1.5.6-r.1 >/dev/null && tar xzf ./*.tgz) ||
    echo "no libduckdb.so from npm: dbt 2 has to download its driver" >&2
fi

jaffle=$scratch/jaffle_shop_duckdb
[ -d "$jaffle" ] || git clone -q --depth 1 https://github.com/dbt-labs/jaffle_shop_duckdb.git "$jaffle" ||
  echo "skipped: jaffle_shop_duckdb cannot be cloned" >&2

cd "$here/.."
bin=$scratch/bench
go build -o "$bin" ./bench
set -- "$@"
[ -x "$scratch/core/bin/dbt" ] && set -- -dbt "$scratch/core/bin/dbt" "$@"
[ -x "$scratch/two/bin/dbt" ] && set -- -dbt2 "$scratch/two/bin/dbt" -dbt2-libs "$libs" "$@"
[ -d "$jaffle" ] && set -- -jaffle "$jaffle" "$@"
for project in "$jaffle" "$scratch/jaffle_shop"; do
  [ -x "$scratch/core/bin/dbt" ] && [ -d "$project" ] && "$bin" same -dbt "$scratch/core/bin/dbt" -project "$project"
done
"$bin" peers "$@"
