"""Imports go down only."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SHARED = {"history.api.methods", "history.api.replies", "history.api.wire"}
# Lowest first: a module may import those above it in this list, never those below.
LAYERS = [
    "methods",
    "replies",
    "wire",
    "answers",
    "errors",
    "credentials",
    "transport",
    "download",
    "media",
    "windows",
    "client",
]


def imports(path: Path) -> Iterator[str]:
    """Every module a file imports, anywhere in it: `from a import b` counts as a and a.b."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]


def belongs_to(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", files("history/api"), ids=shown)
def test_the_api_knows_neither_django_nor_the_rest_of_the_app(path: Path) -> None:
    for module in imports(path):
        assert not belongs_to(module, "django")
        assert not belongs_to(module, "dashboard")
        assert not belongs_to(module, "history") or module.startswith(("history.api",))


@pytest.mark.parametrize("path", files("history/api"), ids=shown)
def test_the_api_is_layered(path: Path) -> None:
    if path.stem not in LAYERS:
        return
    below = LAYERS[: LAYERS.index(path.stem)]
    for module in imports(path):
        package, _, name = module.partition("history.api.")
        if not package and name:
            assert name.partition(".")[0] in below, f"{path.stem} imports {module}"


@pytest.mark.parametrize("path", files("history", "dashboard"), ids=shown)
def test_the_product_does_not_import_the_sandbox(path: Path) -> None:
    assert not any(belongs_to(module, "sandbox") for module in imports(path))


@pytest.mark.parametrize("path", files("sandbox"), ids=shown)
def test_the_sandbox_shares_the_declarations_and_nothing_else(path: Path) -> None:
    for module in imports(path):
        assert not belongs_to(module, "django")
        assert not belongs_to(module, "dashboard")
        if belongs_to(module, "history") and module not in ("history", "history.api"):
            assert any(belongs_to(module, shared) for shared in SHARED), module
