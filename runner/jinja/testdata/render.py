"""Renders templates with Jinja2, as dbt sets it up. Reads a JSON list of
{"t": template, "files": {}} from standard input, writes a list of {"out": text}
or {"err": "Class: message"}."""

import datetime
import decimal
import itertools
import json
import re
import sys

import jinja2
import jinja2.sandbox

try:
    import pytz
except ImportError:  # only templates of the corpus ask for it
    pytz = None

CONTEXT = {
    "cols": ["a", "b", "c"],
    "n": 3,
    "f": 2.5,
    "s": "Hello World",
    "d": {"k1": 1, "k2": 2},
    "none_": None,
    "yes": True,
    "nums": [3, 1, 2],
    "mixed": [1, "a", None, 2.5, True],
    "objs": [
        {"name": "x", "n": 1, "g": "g1", "flag": True},
        {"name": "y", "n": 2, "g": "g2", "flag": False},
        {"name": "z", "n": 3, "g": "g1", "flag": True},
    ],
    "tree": [{"name": "r", "children": [{"name": "c1", "children": []}, {"name": "c2", "children": []}]}, {"name": "s", "children": []}],
}


def environment(files):
    env = jinja2.sandbox.SandboxedEnvironment(
        extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"],
        loader=jinja2.DictLoader(files),
    )
    for name in ("as_text", "as_bool", "as_native", "as_number"):
        env.filters[name] = lambda x: x
    return env


def main():
    results = []
    for case in json.load(sys.stdin):
        try:
            context = json.loads(json.dumps(CONTEXT))
            context["set"] = set
            context["zip"] = zip
            context["D"] = decimal.Decimal
            context["modules"] = {"re": re, "datetime": datetime, "itertools": itertools, "pytz": pytz}
            env = environment(case.get("files") or {})
            out = env.from_string(case["t"]).render(**context)
            out.encode("utf-8")
            results.append({"out": out})
        except RecursionError:
            results.append({"err": "RecursionError"})
        except Exception as e:
            results.append({"err": type(e).__name__ + ": " + str(e)})
    json.dump(results, sys.stdout)


main()
