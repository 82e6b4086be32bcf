"""What is kept of an execution: found again as long as nothing that went in has changed, and only then."""

import json
import os
import time

import pytest

from mlm import executions

CELL = 'from mlm import load\nload("radon").plot(style="book.mplstyle")'


@pytest.fixture(autouse=True)
def own_cache(monkeypatch, tmp_path):
    monkeypatch.setenv(executions.CACHE, str(tmp_path / "cache"))


@pytest.fixture
def course(tmp_path):
    """A small checkout: a module that imports another, one that is apart, two data sets, a style sheet."""
    root = tmp_path / "course"
    files = {
        "requirements.txt": "numpy==2",
        "mlm/__init__.py": "",
        "mlm/data.py": "from mlm.deep import inner",
        "mlm/deep/__init__.py": "",
        "mlm/deep/inner.py": "",
        "mlm/deep/page.js": "one",
        "mlm/apart.py": "",
        "data/radon.csv": "1",
        "data/cheese.csv.gz": "1",
        "book/book.mplstyle": "one",
        "data/datapackage.json": json.dumps(
            {"resources": [{"name": "radon", "rows": 1}, {"name": "cheese", "rows": 1}]}
        ),
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


@pytest.mark.parametrize(
    "file",
    [
        "requirements.txt",
        "mlm/__init__.py",
        "mlm/data.py",
        "mlm/deep/inner.py",
        "mlm/deep/page.js",
        "data/radon.csv",
        "book/book.mplstyle",
    ],
)
def test_a_change_of_what_goes_in_makes_another_key(course, file):
    before = executions.key_of([CELL], root=course)
    (course / file).write_text((course / file).read_text() + "\n")
    assert executions.key_of([CELL], root=course) != before, f"{file} could change and nobody would notice"


@pytest.mark.parametrize("file", ["mlm/apart.py", "data/cheese.csv.gz"])
def test_a_change_of_what_does_not_go_in_leaves_the_key(course, file):
    before = executions.key_of([CELL], root=course)
    (course / file).write_text("two")
    assert executions.key_of([CELL], root=course) == before, f"{file} has nothing to do with this cell"


def test_of_the_descriptor_the_entries_of_the_data_at_hand_go_in(course):
    descriptor = course / "data" / "datapackage.json"
    before = executions.key_of([CELL], root=course)
    package = json.loads(descriptor.read_text())
    package["resources"][1]["rows"] = 2
    descriptor.write_text(json.dumps(package))
    assert executions.key_of([CELL], root=course) == before
    package["resources"][0]["rows"] = 2
    descriptor.write_text(json.dumps(package))
    assert executions.key_of([CELL], root=course) != before


def test_cells_settings_python_and_processor_go_in(monkeypatch):
    keys = {executions.key_of([CELL]), executions.key_of([CELL + " "]), executions.key_of([CELL], 7)}
    monkeypatch.setattr(executions, "processor", lambda: "another")
    keys.add(executions.key_of([CELL]))
    monkeypatch.setattr(executions.sys, "version", "4.0")
    keys.add(executions.key_of([CELL]))
    assert len(keys) == 5


def test_the_key_of_the_sources_is_the_same_on_every_machine(monkeypatch):
    before = executions.source_key([CELL])
    monkeypatch.setattr(executions, "processor", lambda: "another")
    monkeypatch.setattr(executions.sys, "version", "4.0")
    assert executions.source_key([CELL]) == before


def test_a_file_may_be_named_by_its_path(course):
    (course / "data" / "reference").mkdir()
    (course / "data" / "reference" / "speed.json").write_text("1")
    assert executions.inputs(['open("../data/reference/speed.json")'], course) == {
        course / "data" / "reference" / "speed.json"
    }


def test_a_style_sheet_of_grading_goes_into_no_page():
    files = executions.inputs(["from mlm import Exercise, certify, fit_lmm, stored"])
    assert not [path for path in files if "grading" in path.parts]


def test_what_is_kept_is_recalled():
    executions.keep("key", {"seconds": 1.5, "text": "Zürich"})
    assert executions.recall("key") == {"seconds": 1.5, "text": "Zürich"}
    assert executions.recall("another") is None


@pytest.mark.parametrize("damage", ["cut short", "one letter", "empty", "no text at all"])
def test_a_damaged_entry_counts_as_none(damage):
    executions.keep("key", {"seconds": 1})
    path = executions.folder() / "key.json"
    whole = path.read_bytes()
    path.write_bytes(
        {
            "cut short": whole[:-1],
            "one letter": whole.replace(b"seconds", b"secands"),
            "empty": b"",
            "no text at all": b"\xff\xfe",
        }[damage]
    )
    assert executions.recall("key") is None


def test_an_entry_of_another_name_counts_as_none():
    executions.keep("key", {"seconds": 1})
    (executions.folder() / "key.json").rename(executions.folder() / "other.json")
    assert executions.recall("other") is None


def test_entries_that_nobody_asked_for_in_a_month_go():
    executions.keep("old", {}), executions.keep("used", {})
    long_ago = time.time() - 86_400 * (executions.UNUSED_DAYS + 1)
    for name in ("old", "used"):
        os.utime(executions.folder() / f"{name}.json", (long_ago, long_ago))
    executions.recall("used")
    executions.keep("new", {})
    assert executions.recall("old") is None
    assert executions.recall("used") == executions.recall("new") == {}


def test_entries_are_for_their_owner_alone():
    executions.keep("key", {})
    assert executions.folder().stat().st_mode & 0o077 == 0
