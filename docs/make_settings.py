"""Make ``docs/settings.md`` from the docstrings of ``lectern.settings``.

``--check`` changes nothing and fails when the page is not what it would be.
"""

import ast
import sys
from pathlib import Path

from pydantic import BaseModel

from lectern import settings

PAGE = Path(__file__).with_name("settings.md")
HEAD = """# Settings

Read this when you want Lectern to behave differently. Every setting is an
environment variable, or a line of a `lectern.env` file in the folder where
Lectern is started. An unknown name is refused, so a typing error is noticed.

This page is made from `lectern/settings.py` by `make docs`; CI checks it.
"""


def docstrings(class_name: str) -> dict[str, str]:
    """Return the docstring under each field of a class in ``lectern.settings``."""
    tree = ast.parse(Path(settings.__file__).read_text())
    body = next(
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == class_name
    )
    found: dict[str, str] = {}
    for field, text in zip(body, body[1:], strict=False):
        if not isinstance(field, ast.AnnAssign) or not isinstance(text, ast.Expr):
            continue
        if isinstance(field.target, ast.Name) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def shown(value: object) -> str:
    """Return a default as it would be written in an environment variable."""
    if value is None or value in ("", (), {}):
        return "unset"
    return f"`{value}`"


def table(model: type[BaseModel], prefix: str) -> list[str]:
    """Return the rows of one class, nested classes left to their own table."""
    texts = docstrings(model.__name__)
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            continue
        if name not in texts:
            raise SystemExit(f"{model.__name__}.{name} has no docstring.")
        rows.append(f"| `{prefix}{name.upper()}` | {shown(default)} | {texts[name]} |")
    return rows


def page() -> str:
    """Return the whole page."""
    parts = [HEAD, "## General", "", *table(settings.Settings, "LECTERN_"), ""]
    for name, field in settings.Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            prefix = f"LECTERN_{name.upper()}__"
            parts += [f"## {name.capitalize()}", "", *table(type(default), prefix), ""]
    return "\n".join(parts)


def main() -> int:
    """Write the page, or check it."""
    if "--check" not in sys.argv:
        PAGE.write_text(page())
        return 0
    if PAGE.exists() and PAGE.read_text() == page():
        return 0
    sys.stderr.write("docs/settings.md is out of date: run `make docs`.\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
