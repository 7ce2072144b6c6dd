"""The house itself: what must stay true of the tree, whatever is built in it."""

import importlib.metadata
import importlib.util
import re
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
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.LecternError)
    ]
    codes = [kind.code for kind in kinds]

    assert len(codes) == len(set(codes)) > 30


def test_no_error_is_declared_outside_the_tree():
    """The codes are one list; an error elsewhere would borrow the code of another."""
    tree = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
    pattern = re.compile(
        rf"^class \w+\((?:errors\.)?(?:{'|'.join(tree)})\)", re.MULTILINE
    )
    strays = [
        f"{path.name}: {found[0]}"
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if path.name != "errors.py"
        for found in pattern.finditer(path.read_text())
    ]

    assert not strays


def test_no_lock_file_names_a_registry():
    for lock in ROOT.glob("requirements*.lock"):
        assert "://" not in lock.read_text()


def markdown_pages() -> list[Path]:
    folders = (ROOT, ROOT / "docs", ROOT / "docs/decisions")
    return [path for folder in folders for path in sorted(folder.glob("*.md"))]


@pytest.mark.parametrize("page", markdown_pages(), ids=lambda path: path.name)
def test_every_link_of_our_pages_leads_somewhere(page):
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text())
    paths = [t.partition("#")[0] for t in targets if "://" not in t]

    assert [path for path in paths if not (page.parent / path).exists()] == []


def test_the_readme_leads_to_every_page_of_the_docs():
    readme = (ROOT / "README.md").read_text()
    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}

    assert {page for page in pages if f"]({page})" not in readme} == set()


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


def test_every_decision_has_a_number_of_its_own():
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    numbers = [int(page.name.partition("-")[0]) for page in pages]

    assert numbers == list(range(1, len(pages) + 1))
    for number, page in zip(numbers, pages, strict=True):
        assert page.read_text().startswith(f"# {number}. ")
