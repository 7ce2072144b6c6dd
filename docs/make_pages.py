"""Make ``docs/settings.md`` and ``docs/errors.md`` from the code they describe.

``--check`` changes nothing and fails when a page is not what it would be.
"""

import ast
import inspect
import itertools
import sys
from pathlib import Path
from typing import get_args, get_origin

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from lectern import errors, settings

DOCS = Path(__file__).parent
SETTINGS_HEAD = """# Settings

Read this when you want Lectern to behave differently. Every setting is an
environment variable, or a line of a `lectern.env` file in the folder where
Lectern is started. An unknown name is refused, so a typing error is noticed.

This page is made from `lectern/settings.py` by `make docs`; CI checks it.
"""
ERRORS_HEAD = """# Errors

Read this when you see a code and want to know what stands behind it. Every failure
that Lectern foresees has a stable code. The message says what happened and what to
do; this page says what kind of failure it is. *Again?* is whether the same work may
succeed unchanged, *exit* the exit code of `lectern convert`, *HTTP* the status of the
app's answer.

This page is made from `lectern/errors.py` by `make docs`; CI checks it.
"""


def docstrings(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstring under each field of a class of settings, inherited too."""
    tree = ast.parse(Path(inspect.getfile(model)).read_text())
    body = next(
        node.body
        for node in tree.body
        if isinstance(node, ast.ClassDef) and node.name == model.__name__
    )
    found: dict[str, str] = {}
    for base in model.__bases__:
        if base.__module__.startswith("lectern."):
            found |= docstrings(base)
    for field, text in itertools.pairwise(body):
        if not isinstance(field, ast.AnnAssign) or not isinstance(text, ast.Expr):
            continue
        if isinstance(field.target, ast.Name) and isinstance(text.value, ast.Constant):
            found[field.target.id] = " ".join(str(text.value.value).split())
    return found


def shown(value: object) -> str:
    """Return a default as it would be written in an environment variable."""
    if value is PydanticUndefined:
        return "required"
    if value is None or value in ("", (), {}):
        return "unset"
    if isinstance(value, dict):  # of classes with a table of their own
        return ", ".join(f"`{name}`" for name in value)
    return f"`{value}`"


def table(model: type[BaseModel], prefix: str) -> list[str]:
    """Return the rows of one class, nested classes left to their own table."""
    texts = docstrings(model)
    rows = ["| variable | default | meaning |", "|---|---|---|"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        if isinstance(default, BaseModel):
            continue
        if name not in texts:
            raise SystemExit(f"{model.__name__}.{name} has no docstring.")
        rows.append(f"| `{prefix}{name.upper()}` | {shown(default)} | {texts[name]} |")
    return rows


def entry_of(annotation: object) -> type[BaseModel] | None:
    """Return what a dictionary of settings holds, where that is a class of its own."""
    for inner in get_args(annotation):
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            return inner
    return None


def sections(model: type[BaseModel], prefix: str, heading: str) -> list[str]:
    """Return a table for each class of settings within another, at any depth."""
    parts: list[str] = []
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        title = f"{heading} {name.capitalize().replace('_', ' ')}"
        inner = f"{prefix}{name.upper()}__"
        if isinstance(default, BaseModel):
            parts += [title, "", *table(type(default), inner), ""]
            parts += sections(type(default), inner, f"#{heading}")
        elif entry := entry_of(field.annotation):
            named = f"{inner}NAME__" if get_origin(field.annotation) is dict else inner
            parts += [title, "", f"{entry.__doc__}", "", *table(entry, named), ""]
    return parts


def settings_page() -> str:
    """Return the whole page of settings."""
    general = table(settings.Settings, "LECTERN_")
    inner = sections(settings.Settings, "LECTERN_", "##")
    return "\n".join([SETTINGS_HEAD, "## General", "", *general, "", *inner])


def family(error: type[errors.LecternError]) -> list[type[errors.LecternError]]:
    """Return a class and everything below it, parents first."""
    below = [found for child in error.__subclasses__() for found in family(child)]
    return [error, *below]


def errors_page() -> str:
    """Return the whole page of errors."""
    rows = ["| code | meaning | again? | exit | HTTP |", "|---|---|---|---|---|"]
    for error in family(errors.LecternError):
        if not error.__doc__:
            raise SystemExit(f"{error.__name__} has no docstring.")
        meaning = error.__doc__.splitlines()[0]
        again = "yes" if error.retryable else "no"
        rows.append(
            f"| `{error.code}` | {meaning} | {again} | {error.exit_code} "
            f"| {error.http_status} |"
        )
    return "\n".join([ERRORS_HEAD, *rows, ""])


def main() -> int:
    """Write the pages, or check them."""
    pages = {"settings.md": settings_page(), "errors.md": errors_page()}
    outdated = 0
    for name, text in pages.items():
        page = DOCS / name
        if "--check" not in sys.argv:
            page.write_text(text)
        elif not page.exists() or page.read_text() != text:
            sys.stderr.write(f"docs/{name} is out of date: run `make docs`.\n")
            outdated += 1
    return min(outdated, 1)


if __name__ == "__main__":
    sys.exit(main())
