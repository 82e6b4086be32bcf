"""The strict build: what it executes, what it remembers, and what makes it fail."""

import json
import re
import shutil
import sys
from pathlib import Path

import nbformat
import pytest

from mlm import book, executions

PAGE = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
(ch-sample)=
# A sample

{prose}

```{{code-cell}} ipython3
{code}
```
"""


@pytest.fixture
def small_book(tmp_path, monkeypatch):
    """A checkout of one page with the course's real configuration; gives a function that writes it."""
    root = Path(book.__file__).resolve().parent.parent
    shutil.copy(root / "_config.yml", tmp_path)
    shutil.copytree(root / "book", tmp_path / "book", ignore=shutil.ignore_patterns("*.md"))
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/sample\n")
    for name, place in {"ROOT": "", "BUILD": "_build", "CACHE": "_build/.jupyter_cache"}.items():
        monkeypatch.setattr(book, name, tmp_path / place)
    monkeypatch.setattr(book, "TIMES", tmp_path / "_build" / "page-times.json")
    monkeypatch.setenv(executions.CACHE, str(tmp_path / "cache"))

    def write(code="1 + 1", prose="Some prose."):
        (tmp_path / "book" / "sample.md").write_text(PAGE.format(code=code, prose=prose))
        return tmp_path

    return write


def test_a_page_is_executed_once_and_then_taken_from_the_cache(small_book, capfd):
    root = small_book("import os; print('computed', 6 * 7)")
    book.build(jobs=1)
    assert "1 of 1 pages to execute" in capfd.readouterr().out
    assert "computed 42" in (root / "_build/html/book/sample.html").read_text()
    book.build(jobs=1)
    assert "0 of 1 pages to execute" in capfd.readouterr().out
    assert "computed 42" in (root / "_build/html/book/sample.html").read_text()


def test_a_page_whose_words_and_tags_changed_is_executed_by_nobody(small_book, capfd):
    root = small_book("import os; print('process', os.getpid())")
    book.build(jobs=1)
    first = (root / "_build/html/book/sample.html").read_text()
    page = root / "book" / "sample.md"
    tagged = (
        page.read_text().replace("ipython3\n", "ipython3\n:tags: [hide-input]\n").replace("Some", "Other")
    )
    page.write_text(tagged)
    book.build(jobs=1)
    printed = re.findall(r"process \d+", first + (root / "_build/html/book/sample.html").read_text())
    assert len(set(printed)) == 1, f"Sphinx executed the page once more, in its own way: {printed}"


def test_what_a_cell_prints_is_one_piece_however_slowly_it_prints(small_book):
    root = small_book("import time\n\nprint('now', flush=True)\ntime.sleep(0.3)\nprint('later')")
    executed = nbformat.reads(book.execute(root / "book" / "sample.md")["notebook"], as_version=4)
    printed = executed.cells[-1].outputs
    assert [output["text"] for output in printed] == ["now\nlater\n"], (
        f"the same bytes twice need one output here, not {len(printed)}"
    )


def test_a_page_that_reads_what_it_does_not_name_fails_and_names_it(small_book, capfd):
    small_book("from mlm.data import load\nname = 'rad' + 'on'\nlen(load(name))")
    with pytest.raises(book.BuildFailed, match="book/sample.md"):
        book.build(jobs=1)
    assert "sample.md reads data/radon.csv, which it neither imports nor names" in capfd.readouterr().out


def test_the_cost_of_a_page_is_kept(small_book):
    root = small_book("import time; time.sleep(0.3)")
    book.build(jobs=1)
    times = json.loads((root / "_build/page-times.json").read_text())
    assert times["book/sample"]["seconds"] >= 0.3
    assert times["book/sample"]["megabytes"] > 10


def test_a_failing_cell_fails_the_build_and_names_page_and_error(small_book, capfd):
    small_book("raise RuntimeError('the kettle is empty')")
    with pytest.raises(book.BuildFailed, match="book/sample.md"):
        book.build(jobs=1)
    assert "the kettle is empty" in capfd.readouterr().out


def test_broken_references_fail_the_build_and_each_is_named(small_book, capfd):
    faults = {
        "sec-sample-nowhere": "See {ref}`sec-sample-nowhere`.",
        "word that no glossary has": "A {term}`word that no glossary has`.",
        "nobody2026": "As {cite}`nobody2026` says.",
        "no-such-page": "A [link](no-such-page.md).",
    }
    small_book(prose="\n".join(faults.values()))
    with pytest.raises(book.BuildFailed):
        book.build(jobs=1)
    said = "".join(capfd.readouterr())
    assert [fault for fault in faults if fault not in said] == [], f"these faults were not named in:\n{said}"


def test_pages_run_in_this_very_python_whatever_kernels_the_user_has(small_book, tmp_path, monkeypatch):
    foreign = tmp_path / "jupyter" / "kernels" / "python3"
    foreign.mkdir(parents=True)
    (foreign / "kernel.json").write_text(
        '{"argv": ["/nowhere/python"], "display_name": "x", "language": "python"}'
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    small_book(f"import sys; assert sys.executable == {sys.executable!r}")
    book.build(jobs=1)
