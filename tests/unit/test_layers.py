"""Imports run one way, and serving never meets torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "models": ("portal", "config", "flask", "sqlalchemy"),
    "models/imaging": ("models.engine", "models.zoo", "models.training", "models.gate"),
    "models/slides": ("models.engine", "models.zoo", "models.training", "models.gate", "models.catalogue",
                      "models.scoring"),
    "models/zoo": ("models.engine", "models.catalogue", "models.training"),
    "portal/storage": ("portal.services", "portal.views", "portal.forms", "portal.cli", "models", "flask"),
    "portal/services": ("portal.views", "portal.forms", "portal.cli", "portal.app", "models.training", "flask",
                        "flask_login", "flask_wtf", "wtforms"),
    "portal/forms": ("portal.views", "portal.services", "portal.storage", "portal.cli", "models", "sqlalchemy"),
    "portal/views": ("portal.cli", "portal.app", "sqlalchemy.orm", "portal.extensions.db", "models.training"),
    "portal/cli": ("portal.views", "portal.app", "portal.forms", "models.training"),
}
UNASKED = ("obstore",)
HEAVY = ("torch", "timm", "torchvision", "segmentation_models_pytorch", "onnx", "sklearn", "matplotlib")


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports_of(path: Path, inside_functions: bool = True) -> Iterator[str]:
    """Every module named by an import, with the name imported from it appended."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if inside_functions else tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_below(name: str, module: str) -> bool:
    return name == module or name.startswith(f"{module}.")


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_a_room_imports_nothing_from_the_rooms_above(folder: str) -> None:
    uphill = [f"{path.relative_to(ROOT)}: {name}" for path in python_files(folder) for name in imports_of(path)
              for module in FORBIDDEN[folder] if is_below(name, module)]
    assert not uphill


def test_only_training_and_build_functions_name_heavy_packages() -> None:
    served = [path for folder in ("models", "portal") for path in python_files(folder)
              if "training" not in path.parts]
    heavy = [f"{path.relative_to(ROOT)}: {name}" for path in served
             for name in imports_of(path, inside_functions=False) for module in HEAVY if is_below(name, module)]
    assert not heavy


def test_imports_inside_functions_are_only_those_of_network_builders() -> None:
    hidden = []
    for path in [*python_files("portal"), *python_files("models")]:
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef):
                continue
            named = [ast.unparse(node) for node in ast.walk(function) if isinstance(node, ast.Import | ast.ImportFrom)]
            hidden += [f"{path.relative_to(ROOT)}: {text}" for text in named
                       if not any(text.split()[1].partition(".")[0] == module for module in HEAVY)]
    assert not hidden


def test_init_files_hold_a_docstring_or_nothing() -> None:
    full = [str(path) for folder in ("portal", "models") for path in python_files(folder) if path.name == "__init__.py"
            for node in ast.parse(path.read_text(encoding="utf-8")).body if not isinstance(node, ast.Expr)]
    assert not full


def test_a_serving_process_never_imports_torch_nor_what_its_settings_do_not_ask_for(tmp_path: Path) -> None:
    """The whole portal with every model asked, in a process of its own."""
    program = (
        "import sys\n"
        "from portal.app import create_app\n"
        "engine = create_app().extensions['engine']\n"
        "from models.imaging.drawn import draw_smear\n"
        "from models.spec import Micrograph\n"
        "smear = Micrograph(pixels=draw_smear(7), um_per_px=0.97)\n"
        "installed = [state.key for state in engine.verify() if state.ok]\n"
        "[engine.read(key, smear) for key in installed]\n"
        f"print([name for name in {HEAVY + UNASKED!r} if name in sys.modules])\n"
    )
    environment = {"PATH": "", "PORTAL_INSTANCE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True,
                          check=False)
    assert done.stdout.strip() == "[]", done.stderr
