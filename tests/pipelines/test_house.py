"""The house itself: what must stay true of the tree, whatever is built in it."""

import importlib.metadata
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from lectern import errors

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("lectern", "resources", "assets", "pipelines", "dashboard")


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_owns_one_of_our_package_names(package):
    owners = importlib.metadata.packages_distributions().get(package, ["lectern"])

    assert set(owners) == {"lectern"}


def test_no_test_folder_is_a_package_as_it_would_shadow_ours():
    assert not list((ROOT / "tests").rglob("__init__.py"))


def test_nothing_beside_the_app_script_shadows_a_module():
    """Streamlit puts the script's folder first on the path."""
    here = {path.stem for path in (ROOT / "dashboard").iterdir()} - {"__init__"}
    taken = {name for name in here if name in sys.stdlib_module_names}

    assert not taken
    assert not here & set(PACKAGES)


def test_every_error_code_is_used_once():
    def codes(error):
        below = [code for child in error.__subclasses__() for code in codes(child)]
        return [error.code, *below]

    every = codes(errors.LecternError)

    assert len(every) == len(set(every))


def test_no_lock_file_names_a_registry():
    for lock in ROOT.glob("requirements*.lock"):
        assert "://" not in lock.read_text()


def test_the_app_loads_neither_the_pipeline_nor_a_heavy_engine():
    script = (
        "import dashboard.server, sys; heavy = {'dagster', 'torch', 'spacy', "
        "'rapidocr', 'duckdb', 'assets', 'pipelines'} & set(sys.modules); "
        "assert not heavy, heavy"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_the_generated_pages_are_up_to_date():
    subprocess.run(
        [sys.executable, str(ROOT / "docs/make_pages.py"), "--check"], check=True
    )
