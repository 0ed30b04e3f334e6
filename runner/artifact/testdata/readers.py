#!/usr/bin/env python3
"""Reads a folder of artifacts with the programs that are installed here.

    readers.py TARGET [--schemas DIR] [--log FILE]

TARGET holds manifest.json, run_results.json, catalog.json and, maybe,
sources.json. DIR holds dbt's public JSON schemas as manifest-v12.json,
run-results-v6.json, catalog-v1.json and sources-v3.json. FILE is the JSON log
of a build. A line for each reader says what it found; the exit code is 1 if
one of them refused. Readers that are not installed are named and passed over:
jsonschema, dbt-artifacts-parser, dagster-dbt, dbt-bouncer, astronomer-cosmos.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

args = argparse.ArgumentParser()
args.add_argument("target", type=pathlib.Path)
args.add_argument("--schemas", type=pathlib.Path)
args.add_argument("--log", type=pathlib.Path)
args = args.parse_args()
args.target = args.target.resolve()
failed = False


def load(name):
    path = args.target / name
    return json.loads(path.read_text()) if path.exists() else None


FILES = {"manifest.json": "manifest-v12", "run_results.json": "run-results-v6", "catalog.json": "catalog-v1", "sources.json": "sources-v3"}


def schemas():
    import jsonschema

    if not args.schemas:
        return "skipped: no --schemas"
    said = []
    for name, schema in FILES.items():
        doc = load(name)
        if doc is None:
            continue
        rules = json.loads((args.schemas / f"{schema}.json").read_text())
        if name == "run_results.json":
            # dbt has had this status since 1.12; the published schema is older.
            rules["properties"]["results"]["items"]["properties"]["status"]["anyOf"].append({"const": "reused"})
        errors = []
        if name == "manifest.json":
            # Each node against the kind that it says it is: anyOf would
            # only tell that it is none of nine.
            kinds = rules["properties"]["nodes"]["additionalProperties"]["anyOf"]
            for uid, node in doc["nodes"].items():
                kind = [k for k in kinds if k["properties"].get("resource_type", {}).get("const") == node["resource_type"]]
                if node["resource_type"] == "test":
                    kind = [k for k in kind if k["title"] == ("GenericTest" if "test_metadata" in node else "SingularTest")]
                for e in jsonschema.Draft202012Validator(kind[0]).iter_errors(node):
                    errors.append(f"{uid}: {e.json_path}: {e.message[:200]}")
            rules["properties"]["nodes"] = {"type": "object"}
        for e in jsonschema.Draft202012Validator(rules).iter_errors(doc):
            errors.append(f"{e.json_path}: {e.message[:300]}")
        if errors:
            raise AssertionError(f"{name}:\n  " + "\n  ".join(errors[:20]))
        said.append(name)
    return "valid: " + ", ".join(said)


def parser():
    from dbt_artifacts_parser import parser as p

    m = p.parse_manifest(load("manifest.json"))
    out = [f"{type(m).__name__}: {len(m.nodes)} nodes"]
    for name, parse in (("run_results.json", p.parse_run_results), ("catalog.json", p.parse_catalog), ("sources.json", p.parse_sources)):
        if load(name) is not None:
            out.append(type(parse(load(name))).__name__)
    return ", ".join(out)


def bouncer():
    import dbt_bouncer  # its command is run

    with tempfile.TemporaryDirectory() as d:
        config = pathlib.Path(d) / "dbt-bouncer.yml"
        text = f"dbt_artifacts_dir: {args.target}\n"
        text += "manifest_checks:\n  - {name: check_model_names, model_name_pattern: '^[a-z]'}\n  - {name: check_model_has_unique_test, severity: warn}\n"
        if load("catalog.json"):
            text += "catalog_checks:\n  - {name: check_column_names, column_name_pattern: '.*'}\n  - {name: check_columns_are_all_documented, severity: warn}\n"
        if load("run_results.json"):
            text += "run_results_checks:\n  - {name: check_run_results_max_execution_time, max_execution_time_seconds: 3600}\n"
        config.write_text(text)
        cmd = [sys.executable, "-m", "dbt_bouncer.main", "run", "--config-file", str(config)]
        exe = pathlib.Path(sys.executable).parent / "dbt-bouncer"
        if exe.exists():
            cmd = [str(exe), "run", "--config-file", str(config)]
        done = subprocess.run(cmd, capture_output=True, text=True, cwd=d)
    assert done.returncode == 0, f"exit code {done.returncode}: {(done.stdout + done.stderr)[-2000:]}"
    return "its checks of manifest, catalog and run results pass"


def dagster():
    from dagster_dbt import DagsterDbtTranslator, dbt_assets
    from dagster_dbt.core.dbt_cli_event import DbtCoreCliEventMessage

    manifest = load("manifest.json")

    @dbt_assets(manifest=manifest)
    def assets(context):
        yield

    checks = list(assets.check_specs)
    out = f"{len(list(assets.keys))} assets, {len(checks)} checks"
    if args.log:
        events = {}
        for line in args.log.read_text().splitlines():
            message = DbtCoreCliEventMessage(raw_event=json.loads(line), event_history_metadata={})
            for e in message.to_default_asset_events(manifest, DagsterDbtTranslator()):
                events[type(e).__name__] = events.get(type(e).__name__, 0) + 1
        out += "; of the log " + ", ".join(f"{n} {name}" for name, n in sorted(events.items()))
        assert events, "no event in the log"
    return out


def cosmos():
    from cosmos.config import ExecutionConfig, ProjectConfig, ProfileConfig, RenderConfig
    from cosmos.constants import LoadMode
    from cosmos.dbt.graph import DbtGraph

    with tempfile.TemporaryDirectory() as d:
        profiles = pathlib.Path(d) / "profiles.yml"
        profiles.write_text("p: {target: dev, outputs: {dev: {type: duckdb}}}\n")
        g = DbtGraph(
            project=ProjectConfig(manifest_path=args.target / "manifest.json", project_name="p"),
            render_config=RenderConfig(load_method=LoadMode.DBT_MANIFEST, dbt_project_path=d),
            execution_config=ExecutionConfig(dbt_project_path=d),
            profile_config=ProfileConfig(profile_name="p", target_name="dev", profiles_yml_filepath=profiles),
        )
        g.load(method=LoadMode.DBT_MANIFEST)
    assert g.nodes, "no nodes"
    return f"{len(g.nodes)} nodes, {len(g.filtered_nodes)} after its selection"


for name, read in {"jsonschema": schemas, "dbt-artifacts-parser": parser, "dagster-dbt": dagster, "dbt-bouncer": bouncer, "astronomer-cosmos": cosmos}.items():
    try:
        print(f"{name}: {read()}")
    except ImportError as e:
        print(f"{name}: skipped: {e}")
    except BaseException as e:  # a reader may exit
        failed = True
        print(f"{name}: refused: {type(e).__name__}: {e}")
sys.exit(failed)
