"""The import contracts of pyproject.toml leave no module out."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import grimp
import networkx

ROOT = Path(__file__).parents[2]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
MODULES = {
    path.stem
    for path in (ROOT / "cotspec").iterdir()
    if (path.suffix == ".py" or (path / "__init__.py").exists()) and not path.name.startswith("__")
}
#: Who may import what a contract forbids to everybody else.
MAY = {
    "Only the runtime imports the training stack": {"runtime"},
    "Only cotspec.hub talks to the model hub": {"hub"},
    "Only cotspec.editor speaks to editors": {"editor"},
}


def contract(name: str) -> dict[str, list[str]]:
    return next(each for each in CONTRACTS if each["name"] == name)


def test_every_module_has_a_layer_or_is_the_runtime() -> None:
    layers = contract("Dependencies run one way")["layers"]
    placed = {module.strip() for layer in layers for module in re.split("[|:]", layer)}
    assert placed | {"runtime"} == MODULES


def test_what_is_forbidden_to_all_but_one_is_forbidden_to_each_module() -> None:
    for name, allowed in MAY.items():
        told = {module.removeprefix("cotspec.") for module in contract(name)["source_modules"]}
        assert told | allowed == MODULES, name


def test_the_runtime_is_kept_from_everything_above_the_kernel() -> None:
    rule = contract("The runtime knows only the kernel, pages, the payload, the builtins and the hub")
    told = {module.removeprefix("cotspec.") for module in rule["forbidden_modules"]}
    assert told | {"runtime", "page", "cot", "spec", "trainers", "builtin", "hub", "files"} == MODULES


def test_a_job_file_knows_neither_specs_nor_plans() -> None:
    """They are a part of the language, which stands below all other back ends: the layers make this one exception."""
    graph = grimp.build_graph("cotspec", cache_dir=None)
    jobs = {"cotspec.back.jobs"} | graph.find_descendants("cotspec.back.jobs")
    known = {other for module in jobs for other in graph.find_upstream_modules(module)}
    assert known - jobs == {"cotspec.spec.base", "cotspec.back.rendering"}


def test_no_module_imports_in_a_circle() -> None:
    """Not inside a function either: two modules that need each other are one, or lack a third."""
    graph = grimp.build_graph("cotspec", cache_dir=None)
    arrows = ((module, other) for module in graph.modules for other in graph.find_modules_directly_imported_by(module))
    circles = [found for found in networkx.strongly_connected_components(networkx.DiGraph(arrows)) if len(found) > 1]
    assert circles == []
