"""Environments that cost nothing: interpreters that borrow our packages."""

import sysconfig
import venv
from pathlib import Path


def borrowed(folder: Path) -> Path:
    """Make a virtual environment that sees what is installed here; return its Python.

    Its ``sys.prefix`` is its own, so that what runs in it can be told.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    own = next(folder.glob("lib/python3*/site-packages"))
    ours = sysconfig.get_path("purelib")
    (own / "borrowed.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return folder / "bin" / "python"


def empty(folder: Path) -> Path:
    """Make a virtual environment with nothing in it, and return its Python."""
    venv.create(folder, with_pip=False, symlinks=True)
    return folder / "bin" / "python"
