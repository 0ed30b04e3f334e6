"""Renders templates that call macros with Python's Jinja2, in as much of dbt's
environment as pure text needs. stdin: {"packages": {name: [file texts]},
"cases": [template]}; stdout: a list of texts, or null where it fails."""
import datetime, json, re, sys, types
from jinja2 import Undefined
from jinja2.sandbox import SandboxedEnvironment

given = json.load(sys.stdin)
env = SandboxedEnvironment(extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"], undefined=Undefined)


class Return(Exception):
    def __init__(self, value):
        self.value = value


def give(value=None):
    raise Return(value)


class Namespace:
    def __init__(self, macros):
        self.macros = macros

    def __getitem__(self, name):
        return self.macros[name]


packages = {name: {} for name in given["packages"]}


def generator(template, name):
    def call(*args, **kwargs):
        macro = getattr(template.make_module(vars=context, shared=False), "dbt_macro__" + name)
        try:
            return macro(*args, **kwargs)
        except Return as r:
            return r.value

    return call


class Adapter:
    behavior = types.SimpleNamespace()

    def dispatch(self, name, package):
        for prefix in ("duckdb__", "default__"):
            if prefix + name in packages[package]:
                return packages[package][prefix + name]
        raise LookupError(name)

    def quote(self, name):
        return '"%s"' % name


class Column:
    @staticmethod
    def translate_type(name):
        return {"STRING": "TEXT"}.get(name.upper(), name)

    @staticmethod
    def numeric_type(name, precision, scale):
        return "%s(%s,%s)" % (name, precision, scale)


context = {
    "return": give, "adapter": Adapter(), "execute": True, "var": lambda name, default=None: default, "log": lambda *a, **k: "",
    "api": types.SimpleNamespace(Column=Column), "modules": types.SimpleNamespace(datetime=datetime, re=re),
    "target": types.SimpleNamespace(name="dev", schema="main", type="duckdb", database="wh"),
    "exceptions": types.SimpleNamespace(warn=lambda msg: ""),
}
for package, files in given["packages"].items():
    for text in files:
        text = re.sub(r"{%-?\s*(test|materialization)\b.*?{%-?\s*end\1\s*-?%}", "", text, flags=re.S)
        names = re.findall(r"{%-?\s*macro\s+(\w+)", text)
        template = env.from_string(re.sub(r"({%-?\s*macro\s+)(\w+)", r"\1dbt_macro__\2", text))
        for name in names:
            packages[package][name] = generator(template, name)
    context[package] = Namespace(packages[package])
context.update(packages["dbt"])

out = []
for case in given["cases"]:
    try:
        out.append(env.from_string(case, globals=context).render())
    except Exception as e:
        print(case, repr(e), file=sys.stderr)
        out.append(None)
json.dump(out, sys.stdout)
