"""What every chapter has, in the order in which readers know it; and that a new one begins with it."""

import re
import shutil
from pathlib import Path

import pytest

from mlm import chapter

ROOT = Path(__file__).resolve().parents[1]
CHAPTERS = sorted(path for path in (ROOT / "book").glob("[0-9][0-9]-*.md") if path.stem != "00-start")
LAST = [
    "What the model assumed",
    "Where it breaks",
    "In brief",
    "Quiz",
    "Practise",
    "Write it up",
    "Notes and sources",
]
every_chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf8")


def missing_parts(path: Path) -> list[str]:
    """What a reader of the other chapters would look for in vain."""
    text, slug = text_of(path), path.stem.split("-", 1)[1]
    wanted = {
        f"the label (ch-{slug})=": f"(ch-{slug})=",
        "the box By the end you can": "{admonition} By the end you can",
        "the line **Time**": "\n**Time** about ",
        "the line **Builds on**": "\n**Builds on** ",
        "the line **Data**": "\n**Data** ",
        "an agreement table": "agreement(",
        "a certificate": "certify(",
        "an explorer": "from mlm.explorers import",
        "a quiz": "show_quiz(",
        "the way to its exercises": f"exercises/{path.stem}.ipynb",
    }
    headings = [heading.split(":")[0] for heading in re.findall(r"^## (.+)", text, re.MULTILINE)]
    parts = [part for part, sign in wanted.items() if sign not in text]
    parts += [f"the section {heading!r}" for heading in LAST if heading not in headings]
    in_order = [heading for heading in headings if heading in LAST] == [h for h in LAST if h in headings]
    return parts + ([] if in_order else [f"the order {', '.join(LAST)}"])


@every_chapter
def test_a_chapter_has_its_parts_in_order(path):
    assert not missing_parts(path), f"{path.name} lacks {', '.join(missing_parts(path))}"


@every_chapter
def test_a_chapter_names_three_to_six_things_that_one_can_do_after_it(path):
    box = re.search(r":{3,}\{admonition\} By the end you can\n(.*?)\n:{3,}\n", text_of(path), re.DOTALL)[1]
    assert 3 <= len(re.findall(r"^- ", box, re.MULTILINE)) <= 6


@every_chapter
def test_every_section_of_a_chapter_has_a_label_of_its_own(path):
    slug = path.stem.split("-", 1)[1]
    loose = re.findall(r"(?<!\)=)\n(#{2,3} .+)", re.sub(r"```.*?```", "", text_of(path), flags=re.DOTALL))
    assert not loose, f"{path.name}: give these a label (sec-{slug}-…)= : {loose}"


@every_chapter
def test_a_chapter_has_an_exercise(path):
    assert (ROOT / "solutions" / path.name).exists(), f"{path.name} has nothing to practise with"


# ---- a new one ------------------------------------------------------------------------------------


@pytest.fixture
def checkout(tmp_path):
    for folder in ("book", "solutions"):
        (tmp_path / folder).mkdir()
    (tmp_path / "book" / "03-basics.md").write_text("")
    shutil.copy(ROOT / "_toc.yml", tmp_path)
    return tmp_path


def test_a_new_chapter_has_all_that_a_chapter_has(checkout):
    said = chapter.begin_chapter("06-error-structure", checkout)
    page = checkout / "book" / "06-error-structure.md"
    assert said[0] == "book/06-error-structure.md: new"
    assert not missing_parts(page)
    assert not re.search(
        r"\b(SLUG|NAME|TITLE)\b", text_of(page) + text_of(checkout / "solutions" / page.name)
    )


def test_a_new_chapter_stands_in_its_place_in_the_table_of_contents(checkout):
    chapter.begin_chapter("06-error-structure", checkout)
    files = re.findall(r"file: book/(\d\d-\S+)", text_of(checkout / "_toc.yml"))
    assert files == sorted(files) and "06-error-structure" in files
    assert text_of(checkout / "_toc.yml").count("\n") == text_of(ROOT / "_toc.yml").count("\n") + 1


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("error-structure", "is no name of a chapter"),
        ("06_error", "is no name of a chapter"),
        ("03-basics-again", "Chapter 3 is there already: 03-basics.md"),
    ],
)
def test_a_chapter_that_cannot_begin_is_refused_and_nothing_is_written(checkout, name, complaint):
    before = sorted(checkout.rglob("*"))
    with pytest.raises(chapter.CannotBegin, match=complaint):
        chapter.begin_chapter(name, checkout)
    assert sorted(checkout.rglob("*")) == before
