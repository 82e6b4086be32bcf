"""What a class handed in, folder or zip: a place in the list for every file, whatever it holds."""

import json
import os
import socket
import stat
import struct
import tracemalloc
import unicodedata
import zipfile
import zlib
from pathlib import Path

import pytest
from patience import patience

from mlm.grading.collect import archives, submissions
from mlm.grading.collect.submissions import CannotCollect, collect, missing_learners, slugs

NOTEBOOK = json.dumps({"cells": [{"cell_type": "code", "source": "a = 1"}]}).encode()
GRADESCOPE = """\
submission_1:
  :submitters:
  - :name: Solo "the" O'Neil
    :sid: '0100'
    :email: solo@school.edu
  :created_at: 2026-01-01 10:00:00.0 Z
  :results: !ruby/hash:Unknown
    :submitters:
submission_2:
  :submitters:
  - :name: Anna Doe
    :email: anna@school.edu
  - :name: Lee Roe
    :email: lee@school.edu
"""
CANVAS = """\
Student,ID,SIS User ID,SIS Login ID,Section,Homework 1 (77)
,,,,,Manual Posting
    Points Possible,,,,,10
"Doe, Anna",12,S12,anna,A,
"Roe, Lee",13,S13,lee,A,
"Poe, Zoë",14,S14,zoe,B,
"Student, Test",99,,test,A,
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "handed in"
    made.mkdir()
    return made


def put(folder: Path, *names: str, content: bytes = NOTEBOOK) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def zipped(path: Path, *names, content: bytes = NOTEBOOK, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name in names:
            file.writestr(name, content)
        for name, data in files.items():
            file.writestr(name, data)
    return path


def csv(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "roster.csv"
    path.write_text(text, encoding=encoding)
    return path


def learners(place: Path, roster: Path | None = None, **more) -> dict[str, str]:
    return {one.name: one.learner for one in collect(place, roster, **more)}


def statuses(place: Path) -> dict[str, str | None]:
    return {one.name: one.problem and one.problem[0] for one in collect(place)}


LAYOUTS = {
    "files": ({"alice.ipynb": "alice", "bob.ipynb": "bob"}),
    "files that name the exercise": (
        {"03-basics_alice.ipynb": "alice", "bob_03-basics (1).ipynb": "bob", "03-basics.ipynb": "03-basics"}
    ),
    "folders": ({"alice/03-basics.ipynb": "alice", "bob/work/03-basics.ipynb": "bob"}),
    "folders in a folder": ({"class/alice/03-basics.ipynb": "alice", "class/bob/03-basics.ipynb": "bob"}),
    "one folder": ({"alice/03-basics.ipynb": "alice"}),
    "Canvas": (
        {
            "doeanna_LATE_12_345_03-basics.ipynb": "doeanna",
            "roelee_13_346_my_2_3_copy-1.ipynb": "roelee",
            "anon_x1Y2z_347_03-basics.ipynb": "anon_x1Y2z",
            "poezoë_14_text.html": "poezoë",
        }
    ),
    "Moodle": (
        {
            "Anna Doe_12_assignsubmission_file/03-basics.ipynb": "Anna Doe",
            "Lee Roe_13_assignsubmission_file_/deep/03-basics.ipynb": "Lee Roe",
            "Participant_14_assignsubmission_file_/03-basics.ipynb": "Participant 14",
        }
    ),
    "Moodle, flat": (
        {
            "Anna Doe_12_assignsubmission_file_03-basics.ipynb": "Anna Doe",
            "Lee Roe_13_assignsubmission_file_my_1_2_copy.ipynb": "Lee Roe",
            "Eve_14_assignsubmission_file_Anna Doe_12_assignsubmission_file_a.ipynb": "Eve",
            "poezoe_333_445_Anna Doe_12_assignsubmission_file_a.ipynb": "poezoe",
        }
    ),
    "nbgrader": (
        {
            "submitted/anna/03-basics/03-basics.ipynb": "anna",
            "submitted/anna/03-basics/timestamp.txt": "anna",
            "submitted/lee/03-basics/03-basics.ipynb": "lee",
        }
    ),
    "sorted by exercise": ({"03-basics/alice/work.ipynb": "alice", "03-basics/bob/work.ipynb": "bob"}),
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_layout_tells_the_learners_from_a_folder_and_from_a_zip_alike(folder, tmp_path, layout):
    put(folder, *layout)
    assert learners(folder) == layout
    assert learners(zipped(tmp_path / "all.zip", *layout)) == layout


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_a_zip_in_the_folder_is_opened(folder, layout):
    zipped(folder / "download.zip", *layout)
    found = learners(folder)
    assert set(found) == {f"download.zip/{name}" for name in layout}
    if len(layout) > 1:
        assert found == {f"download.zip/{name}": learner for name, learner in layout.items()}


def test_where_the_exercise_is_known_its_name_is_taken_out_whatever_stands_between(folder):
    put(folder, "03-basics-alice.ipynb", "03-basics (bob).ipynb", "03-b-carol.ipynb", "dave-03-basics.ipynb")
    assert set(learners(folder, exercise="03-basics").values()) == {"alice", "bob", "03-b-carol", "dave"}


def test_each_learner_may_hand_in_a_zip(folder):
    zipped(folder / "alice.zip", "work/03-basics.ipynb", "work/mlm.py")
    zipped(folder / "roelee_13_346_work.zip", "doeanna_12_345_03-basics.ipynb")
    assert learners(folder) == {
        "alice.zip/work/03-basics.ipynb": "alice",
        "alice.zip/work/mlm.py": "alice",
        "roelee_13_346_work.zip/doeanna_12_345_03-basics.ipynb": "roelee",  # what a learner named is inside
    }


def test_gradescope_says_who_submitted_and_its_metadata_are_no_submission(folder):
    export = folder / "assignment_7_export"
    put(export, "submission_1/03-basics.ipynb", "submission_2/03-basics.ipynb")
    (export / "submission_metadata.yml").write_text(GRADESCOPE)
    one, two = collect(folder)
    assert (one.learner, one.ids) == (
        'Solo "the" O\'Neil',
        {"gradescope": "submission_1", "sid": "0100", "email": "solo@school.edu"},
    )
    assert (two.learner, two.notes) == ("Anna Doe and Lee Roe", ("group",))
    assert two.ids["members"] == "Anna Doe; Lee Roe"


def test_gradescope_metadata_that_cannot_be_read_are_reported_and_folders_name_the_learners(folder):
    put(folder, "submission_1/03-basics.ipynb", "submission_2/03-basics.ipynb")
    (folder / "submission_metadata.yml").write_text("submission_1:\n  :submitters:\n  - [\n")
    assert statuses(folder)["submission_metadata.yml"] == "not a notebook"
    assert learners(folder)["submission_1/03-basics.ipynb"] == "submission_1"


def test_metadata_that_a_learner_handed_in_name_nobody(folder):
    put(folder, "submission_1/03-basics.ipynb", "submission_2/submission_9/03-basics.ipynb")
    forged = GRADESCOPE.replace("submission_2", "submission_9")
    (folder / "submission_2" / "submission_metadata.yml").write_text(forged)
    assert learners(folder)["submission_2/submission_9/03-basics.ipynb"] == "submission_2"
    assert statuses(folder)["submission_2/submission_metadata.yml"] == "not a notebook"


def test_metadata_in_the_zip_of_one_learner_among_others_name_nobody_and_keep_their_place(folder):
    zipped(folder / "mallory.zip", "submission_1/a.ipynb", **{"submission_metadata.yml": GRADESCOPE.encode()})
    put(folder, "bob.ipynb")
    assert learners(folder)["mallory.zip/submission_1/a.ipynb"] == "mallory"
    assert statuses(folder)["mallory.zip/submission_metadata.yml"] == "not a notebook"


def test_late_is_noted(folder):
    put(folder, "doeanna_LATE_12_345_a.ipynb", "roelee_13_346_a.ipynb")
    assert [one.notes for one in collect(folder)] == [("late",), ()]


def test_two_learners_of_one_name_are_told_apart_by_the_platform_number(folder):
    put(folder, "Li Wei_12_assignsubmission_file/a.ipynb", "Li Wei_13_assignsubmission_file/a.ipynb")
    assert [one.learner for one in collect(folder)] == ["Li Wei (12)", "Li Wei (13)"]
    assert all("also handed in" not in note for one in collect(folder) for note in one.notes)


def test_several_notebooks_of_a_learner_are_kept_and_each_names_the_others(folder):
    put(folder, "alice/a.ipynb", "alice/b.ipynb", "bob/a.ipynb")
    put(folder, "alice/notes.txt")
    assert {one.name: one.notes for one in collect(folder)} == {
        "alice/a.ipynb": ("also handed in: alice/b.ipynb",),
        "alice/b.ipynb": ("also handed in: alice/a.ipynb",),
        "alice/notes.txt": (),
        "bob/a.ipynb": (),
    }


def test_a_hundred_notebooks_of_a_learner_make_a_short_note(folder):
    put(folder, "bob/a.ipynb", *(f"alice/{n:03d}.ipynb" for n in range(100)))
    notes = next(one.notes for one in collect(folder) if one.name == "alice/050.ipynb")
    assert notes[-1] == "also handed in: 96 more" and len(notes) == 4


def test_twenty_notebooks_of_a_learner_are_run_and_each_has_its_row(folder):
    """Or one learner, with thousands that never end, would keep the class waiting for days."""
    put(folder, "bob/a.ipynb", *(f"alice/{n:03d}.ipynb" for n in range(100)))
    refused = {one.name: one.problem for one in collect(folder) if one.problem}
    assert sorted(refused) == [f"alice/{n:03d}.ipynb" for n in range(20, 100)]
    assert set(refused.values()) == {
        (
            "too large",
            "alice handed in 100 notebooks, and 20 of a learner are run; keep those that count. "
            "If they are of several learners, give each a folder.",
        )
    }


# Rosters


def test_a_canvas_gradebook_is_a_roster_and_keeps_what_an_import_needs(folder, tmp_path):
    put(folder, "doeanna_12_345_03-basics.ipynb", "poezoë_77_1_03-basics.ipynb")
    roster = csv(tmp_path, CANVAS, "utf-8-sig")
    anna, zoe = collect(folder, roster)
    assert anna.learner == "Doe, Anna"
    needed = {
        "Student": "Doe, Anna",
        "ID": "12",
        "SIS User ID": "S12",
        "SIS Login ID": "anna",
        "Section": "A",
    }
    assert needed.items() <= anna.ids.items()
    assert (anna.ids["canvas"], anna.ids["sid"], anna.ids["login"]) == ("12", "S12", "anna")
    assert zoe.learner == "Poe, Zoë"  # by name, where the number is another
    assert [one.name for one in missing_learners([anna, zoe], roster)] == ["Roe, Lee"]


def test_a_moodle_grading_worksheet_is_a_roster_and_tells_who_is_behind_a_number(folder, tmp_path):
    put(folder, "Participant_12_assignsubmission_file/a.ipynb")
    roster = csv(
        tmp_path, "Identifier,Full name,Email address,Status,Grade\nParticipant 12,Anna Doe,a@b.c,,\n"
    )
    assert [one.learner for one in collect(folder, roster)] == ["Anna Doe"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_roster_may_use_any_delimiter_and_a_byte_order_mark(folder, tmp_path, delimiter, encoding):
    put(folder, "zoe1.ipynb")
    roster = csv(tmp_path, f"learner{delimiter}login\nZoë Poe{delimiter}zoe1\n", encoding)
    assert [one.learner for one in collect(folder, roster)] == ["Zoë Poe"]


@pytest.mark.parametrize(
    "name",
    ["anna", "A12", "12", "anna.doe", "anna.doe@school.edu", "Anna Doe", "doeanna", "DOE, Anna", "anna_doe"],
)
def test_a_learner_is_found_by_login_number_address_or_name_in_either_order(folder, tmp_path, name):
    put(folder, f"{name}/a.ipynb", "other/a.ipynb")
    roster = csv(
        tmp_path, "name,login,sid,id,email\nAnna Doe,anna,A12,12,anna.doe@school.edu\nLee Roe,l,B1,7,l@s\n"
    )
    assert learners(folder, roster)[f"{name}/a.ipynb"] == "Anna Doe"


def test_a_name_in_another_form_of_unicode_is_the_same_name(folder, tmp_path):
    put(folder, unicodedata.normalize("NFD", "Zoë Poé") + ".ipynb")
    roster = csv(tmp_path, "learner\n" + unicodedata.normalize("NFC", "Zoë Poé") + "\n")
    (one,) = collect(folder, roster)
    assert one.notes == ()


def test_the_column_file_says_whose_a_nameless_file_is(folder, tmp_path):
    put(folder, "Untitled3.ipynb")
    roster = csv(tmp_path, "learner,file\nAnna Doe,Untitled3.ipynb\n")
    assert [one.learner for one in collect(folder, roster)] == ["Anna Doe"]


def test_who_is_not_in_the_roster_is_kept_with_a_note_and_who_is_missing_is_named(folder, tmp_path):
    put(folder, "mallory/a.ipynb", "anna/a.ipynb")
    put(folder, "lee/README.pdf")
    roster = csv(tmp_path, "learner,login\nAnna Doe,anna\nLee Roe,lee\nZoë Poe,zoe\n")
    found = collect(folder, roster)
    assert {one.learner: one.notes for one in found}["mallory"] == ("learner not in the roster",)
    assert [one.name for one in missing_learners(found, roster)] == ["Zoë Poe"]


def test_a_group_is_missing_nobody(folder, tmp_path):
    put(folder, "submission_2/03-basics.ipynb")
    (folder / "submission_metadata.yml").write_text(GRADESCOPE)
    roster = csv(tmp_path, "learner,email\nDoe Anna,anna@school.edu\nRoe Lee,lee@school.edu\nZ,z@z\n")
    found = collect(folder, roster)
    assert found[0].learner == "Doe Anna and Roe Lee"
    assert [one.name for one in missing_learners(found, roster)] == ["Z"]


def test_two_of_one_name_in_the_roster_are_told_apart_by_an_id(folder, tmp_path):
    put(folder, "w1/a.ipynb", "w2/a.ipynb", "Li Wei/a.ipynb")
    roster = csv(tmp_path, "learner,login\nLi Wei,w1\nLi Wei,w2\n")
    assert learners(folder, roster) == {
        "w1/a.ipynb": "Li Wei (w1)",
        "w2/a.ipynb": "Li Wei (w2)",
        "Li Wei/a.ipynb": "Li Wei",  # whose, nobody can say
    }


def test_the_roster_may_lie_among_the_submissions(folder):
    put(folder, "anna.ipynb")
    assert learners(folder, csv(folder, "learner\nAnna\n")) == {"anna.ipynb": "Anna"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("learner,shoe size\nAnna,38\n", "'shoe size'"),
        ("learner,login\nAnna,a\nLee,A\n", "lines 2 and 3 have the same login 'A'"),
        ("learner\nAnna\nAnna\n", "lines 2 and 3"),
        ("learner,learner\nAnna,b\n", "'learner' twice"),
        ("learner,email\nAnna,a,b,c\n", "line 2: 4 cells under 2 columns"),
        ("section\nA\n", "no name, login, email or id"),
        ("learner\n", "names no learner"),
        ("", "no columns"),
        ('learner\n"Anna\n', "quotation mark"),
    ],
)
def test_a_roster_that_cannot_be_used_says_what_is_wrong(folder, tmp_path, text, said):
    with pytest.raises(CannotCollect, match="roster.csv") as caught:
        collect(folder, csv(tmp_path, text))
    assert said in str(caught.value)


def test_a_roster_that_is_not_there_or_not_utf_8_says_so(folder, tmp_path):
    with pytest.raises(CannotCollect, match="UTF-8"):
        collect(folder, csv(tmp_path, "learner\nZoë\n", "latin-1"))
    with pytest.raises(CannotCollect, match="cannot be read: No such file"):
        collect(folder, tmp_path / "absent.csv")


# Files that are anything


def test_every_file_has_a_place_and_what_is_no_notebook_says_so(folder):
    put(folder, "alice/03-basics.ipynb")
    put(folder, "alice/README.pdf", "alice/.DS_Store", "alice/mlm.py", "alice/no extension", content=b"x")
    put(folder, "alice/empty.ipynb", "alice/empty.txt", content=b"")
    put(folder, "alice/.ipynb_checkpoints/03-basics-checkpoint.ipynb", "alice/._03-basics.ipynb")
    other = "not a notebook"
    assert statuses(folder) == {
        "alice/.DS_Store": other,
        "alice/._03-basics.ipynb": other,
        "alice/.ipynb_checkpoints/03-basics-checkpoint.ipynb": other,
        "alice/03-basics.ipynb": None,
        "alice/README.pdf": other,
        "alice/empty.ipynb": "empty",
        "alice/empty.txt": "empty",
        "alice/mlm.py": other,
        "alice/no extension": other,
    }
    assert all(one.content == (b"" if one.problem else NOTEBOOK) for one in collect(folder))


def test_a_notebook_that_a_browser_renamed_is_read_with_a_note(folder):
    put(folder, "alice.ipynb.txt", "bob.IPYNB")
    alice, bob = collect(folder)
    assert (alice.learner, alice.content, alice.notes) == ("alice", NOTEBOOK, ("named .ipynb.txt",))
    assert (bob.learner, bob.content, bob.notes) == ("bob", NOTEBOOK, ())


def test_no_link_is_followed(folder, tmp_path):
    put(tmp_path / "secret", "key.ipynb")
    put(folder, "alice/a.ipynb")
    (folder / "link.ipynb").symlink_to(tmp_path / "secret" / "key.ipynb")
    (folder / "linked").symlink_to(tmp_path / "secret")
    (folder / "loop").symlink_to(folder)
    (folder / "dangling.zip").symlink_to("nowhere.zip")
    links = dict.fromkeys(["dangling.zip", "link.ipynb", "linked", "loop"], "unsafe path")
    assert statuses(folder) == {"alice/a.ipynb": None, **links}


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    put(folder, "alice.ipynb")
    (tmp_path / "here").symlink_to(folder)
    assert statuses(tmp_path / "here") == {"alice.ipynb": None}


def test_no_pipe_or_socket_is_opened(folder, monkeypatch):
    os.mkfifo(folder / "pipe.ipynb")
    monkeypatch.chdir(folder)  # the path of a socket must be short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.zip")
        assert statuses(folder) == {"pipe.ipynb": "unsafe path", "socket.zip": "unsafe path"}


def test_a_file_beyond_the_limit_is_not_read(folder):
    put(folder, "alice.ipynb", content=b" " * (submissions.MAX_BYTES + 1))
    put(folder, "bob.ipynb", content=b" " * submissions.MAX_BYTES)
    assert statuses(folder) == {"alice.ipynb": "too large", "bob.ipynb": None}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_what_may_not_be_read_is_unreadable(folder):
    put(folder, "alice/a.ipynb", "bob/a.ipynb")
    (folder / "alice" / "a.ipynb").chmod(0)
    (folder / "bob").chmod(0)
    found = statuses(folder)
    (folder / "bob").chmod(0o700)
    assert found == {"alice/a.ipynb": "unreadable", "bob": "unreadable"}


def test_folders_inside_each_other_end_somewhere(folder):
    deep = folder
    for _ in range(submissions.MAX_FOLDERS + 2):
        deep = deep / "d"
    put(deep, "a.ipynb")
    assert list(statuses(folder).values()) == ["unsafe path"]


@pytest.mark.parametrize(
    "name",
    [
        "=cmd()",
        "<script>alert(1)</script>".replace("/", "_"),
        "a\"b'c",
        "line\nbreak",
        "\x1b[31m",
        "x" * 240,
        "é",
    ],
)
def test_a_name_of_any_characters_is_kept_as_text(folder, name):
    put(folder, f"{name}.ipynb")
    assert learners(folder) == {f"{name}.ipynb": name}


def test_a_name_that_is_no_utf_8_is_text_all_the_same(folder):
    Path(os.fsdecode(os.fsencode(folder) + b"/zo\xeb.ipynb")).write_bytes(NOTEBOOK)
    (one,) = collect(folder)
    assert (one.name, one.learner, one.content) == ("zo\\xeb.ipynb", "zo\\xeb", NOTEBOOK)


def test_the_order_does_not_depend_on_the_file_system(folder, monkeypatch):
    put(folder, "b/z.ipynb", "b/a.ipynb", "B.ipynb", "a.ipynb", "é.ipynb", "b.ipynb")
    once = collect(folder)
    assert [one.name for one in once] == sorted(one.name for one in once)
    scan = os.scandir

    class Backwards:
        def __init__(self, path):
            self.items = list(scan(path))[::-1]

        def __enter__(self):
            return iter(self.items)

        def __exit__(self, *_):
            pass

    monkeypatch.setattr(os, "scandir", Backwards)
    assert collect(folder) == once


def test_a_place_that_is_no_folder_and_no_zip_is_refused(tmp_path):
    with pytest.raises(CannotCollect, match="does not exist"):
        collect(tmp_path / "absent")
    with pytest.raises(CannotCollect, match="neither a folder nor a .zip"):
        collect(put(tmp_path, "alice.ipynb") / "alice.ipynb")
    with pytest.raises(CannotCollect, match=r"all\.zip: It is no zip"):
        collect(put(tmp_path, "all.zip", content=b"PK nonsense") / "all.zip")


# Zips that are anything


def test_an_unsafe_path_in_a_zip_has_a_place_and_is_not_read(tmp_path):
    names = [
        "../up.ipynb",
        "a/../../up.ipynb",
        "/etc/a.ipynb",
        "C:/a.ipynb",
        "a\\b.ipynb",
        "a\0b.ipynb",
        "..",
        "//",
    ]
    made = tmp_path / "all.zip"
    with zipfile.ZipFile(made, "w") as file:
        file.writestr("good.ipynb", NOTEBOOK)
        for name in names:
            info = zipfile.ZipInfo("replaced")  # as it would tidy the name
            info.filename = name
            file.writestr(info, NOTEBOOK)
    expected = {name: "unsafe path" for name in names}
    assert statuses(made) == {"good.ipynb": None} | expected


def test_a_link_or_a_device_in_a_zip_is_not_read(tmp_path):
    made = tmp_path / "all.zip"
    with zipfile.ZipFile(made, "w") as file:
        for kind in (stat.S_IFLNK, stat.S_IFIFO, stat.S_IFBLK, stat.S_IFREG):
            info = zipfile.ZipInfo(f"{kind}.ipynb")
            info.external_attr = (kind | 0o644) << 16
            file.writestr(info, "/etc/passwd")
    found = statuses(made)
    assert found.pop(f"{stat.S_IFREG}.ipynb") is None
    assert set(found.values()) == {"unsafe path"} and len(found) == 3


def test_an_encrypted_entry_is_unreadable_and_its_neighbours_are_read(tmp_path):
    made = zipped(tmp_path / "all.zip", "a.ipynb", "b.ipynb")
    raw = bytearray(made.read_bytes())
    raw[raw.index(b"PK\1\2") + 8] |= 1
    made.write_bytes(raw)
    assert statuses(made) == {"a.ipynb": "unreadable", "b.ipynb": None}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_entries_of_one_name_have_a_place_each_and_the_first_is_read(tmp_path):
    found = collect(zipped(tmp_path / "all.zip", "a.ipynb", "a.ipynb", "a.ipynb"))
    assert [(one.name, one.problem and one.problem[0]) for one in found] == [
        ("a.ipynb", None),
        ("a.ipynb (2)", "unsafe path"),
        ("a.ipynb (3)", "unsafe path"),
    ]


def renamed(path: Path, old: bytes, new: bytes, *, utf8: bool) -> Path:
    """Give an entry a name that no library would write."""
    raw = bytearray(path.read_bytes().replace(old, new))
    flag = raw.index(b"PK\1\2") + 9
    raw[flag] = raw[flag] | 8 if utf8 else raw[flag] & ~8
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("raw", "utf8", "text"),
    [
        ("zoë".encode(), False, "zoë"),  # as Canvas and macOS write it
        (b"zo\x89.", False, "zoë."),  # code page 437
        (b"zo\xeb.", True, "zo\\xeb."),  # says UTF-8 and is not
    ],
)
def test_the_name_of_an_entry_is_text_whatever_its_bytes(tmp_path, raw, utf8, text):
    made = renamed(zipped(tmp_path / "all.zip", "____.ipynb"), b"____", raw, utf8=utf8)
    (one,) = collect(made)
    assert (one.name, one.content) == (f"{text}.ipynb", NOTEBOOK)


def test_a_zip_inside_a_zip_is_not_opened(tmp_path):
    inner = zipped(tmp_path / "inner.zip", "a.ipynb").read_bytes()
    assert statuses(zipped(tmp_path / "all.zip", "alice.zip", content=inner)) == {
        "alice.zip": "not a notebook"
    }


def test_a_broken_or_empty_zip_among_the_files_has_a_place(folder):
    put(folder, "broken.zip", content=b"PK\3\4 nonsense")
    zipped(folder / "hollow.zip")
    put(folder, "nothing.zip", content=b"")
    put(folder, "alice.ipynb")
    assert statuses(folder) == {
        "alice.ipynb": None,
        "broken.zip": "unreadable",
        "hollow.zip": "empty",
        "nothing.zip": "empty",
    }


def test_a_zip_cut_off_anywhere_raises_nothing_and_loses_no_place(folder, tmp_path):
    raw = zipped(tmp_path / "whole.zip", "a.ipynb", "b.ipynb").read_bytes()
    for length in range(1, len(raw)):
        put(folder, "cut.zip", content=raw[:length])
        assert list(statuses(folder).values()) == ["unreadable"]
        put(folder, "cut.zip", content=raw[length:])
        assert len(collect(folder)) > 0


def test_any_byte_of_a_zip_may_be_wrong(folder, tmp_path):
    raw = zipped(tmp_path / "whole.zip", "a.ipynb", "b.ipynb").read_bytes()
    for place in range(len(raw)):
        for value in (0, 0xFF, raw[place] ^ 1):
            put(folder, "wrong.zip", content=raw[:place] + bytes([value]) + raw[place + 1 :])
            for one in collect(folder):
                assert one.problem or one.content == NOTEBOOK


def test_damaged_bytes_are_unreadable(tmp_path):
    made = tmp_path / "all.zip"
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as file:
        file.writestr("a.ipynb", NOTEBOOK)
    made.write_bytes(made.read_bytes().replace(b"a = 1", b"a = 2"))
    ((_, sentence),) = [one.problem for one in collect(made)]
    assert "checksum" in sentence


def test_large_offsets_of_zip64_are_understood(tmp_path):
    made = tmp_path / "all.zip"
    with zipfile.ZipFile(made, "w") as file, file.open("a.ipynb", "w", force_zip64=True) as entry:
        entry.write(NOTEBOOK)
    raw = made.read_bytes()
    place, end = raw.index(b"PK\1\2"), raw.index(b"PK\5\6")
    extra = struct.pack("<2H3Q", 1, 24, len(NOTEBOOK), len(NOTEBOOK), 0)
    entry = bytearray(raw[place:end])
    entry[20:28], entry[42:46], entry[30:32] = b"\xff" * 8, b"\xff" * 4, struct.pack("<H", len(extra))
    listing = bytes(entry[: 46 + len("a.ipynb")]) + extra
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 1, 1, len(listing), place)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, place + len(listing), 1)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, *[0xFFFF] * 2, *[0xFFFFFFFF] * 2, 0)
    made.write_bytes(raw[:place] + listing + end64 + locator + last)
    assert zipfile.ZipFile(made).read("a.ipynb") == NOTEBOOK
    assert [one.content for one in collect(made)] == [NOTEBOOK]


def test_a_zip_with_something_before_it_is_read(tmp_path):
    made = zipped(tmp_path / "all.zip", "a.ipynb")
    made.write_bytes(b"#!/bin/sh\n" + made.read_bytes())
    assert [one.content for one in collect(made)] == [NOTEBOOK]


def test_beyond_the_limit_of_entries_the_rest_has_one_place(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MAX_ENTRIES", 3)
    found = collect(zipped(tmp_path / "all.zip", *(f"{n}.ipynb" for n in range(10))))
    assert [one.problem and one.problem[0] for one in found] == [None, None, None, "too large"]
    assert found[-1].problem[1].startswith("7 more files")


def test_beyond_the_limit_of_all_that_is_unpacked_each_entry_is_too_large(folder, monkeypatch):
    monkeypatch.setattr(submissions, "MAX_UNPACKED", 3 * len(NOTEBOOK) + 5)
    zipped(folder / "a.zip", "1.ipynb", "2.ipynb")
    zipped(folder / "b.zip", "3.ipynb", "4.ipynb", "5.ipynb")
    assert [*statuses(folder).values()] == [None, None, None, "too large", "too large"]


def measured(place: Path) -> tuple[list, float]:
    tracemalloc.start()
    with patience():
        found = collect(place)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found, peak / 2**20


def test_a_bomb_of_400_megabytes_ends_soon_and_in_little_memory_also_where_its_header_lies(folder):
    made = zipped(folder / "bomb.zip", "bomb.ipynb", content=b"0" * 400 * 2**20)
    assert made.stat().st_size < 2**20
    raw = bytearray(made.read_bytes())
    struct.pack_into("<L", raw, raw.index(b"PK\1\2") + 24, 1000)  # unpacked, it says, it has 1,000 bytes
    (folder / "liar.zip").write_bytes(raw)
    found, megabytes = measured(folder)
    assert [one.problem[0] for one in found] == ["too large"] * 2
    assert megabytes < 100


def test_a_bomb_of_overlapping_entries_is_not_unpacked(folder):
    """Every entry of the list points to the same 20 megabytes (D. Fifield, A better zip bomb, 2019)."""
    content = b" " * submissions.MAX_BYTES
    packed, checksum = zlib.compress(content, 9, wbits=-15), zlib.crc32(content)
    local = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 8, 0, 33, checksum, len(packed), len(content), 1, 0)
    body, listing = local + b"x" + packed, b""
    for number in range(2000):
        name = f"{number}.ipynb".encode()
        fields = (b"PK\1\2", 20, 3, 20, 0, 0, 8, 0, 33, checksum, len(packed), len(content))
        listing += struct.pack("<4s4B4HL2L5H2L", *fields, len(name), 0, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2000, 2000, len(listing), len(body), 0)
    (folder / "bomb.zip").write_bytes(body + listing + end)
    found, megabytes = measured(folder)
    assert len(found) == 2000
    assert [one.problem and one.problem[0] for one in found].count("unreadable") == 1999
    assert megabytes < 150


# Names of files


def test_slugs_are_readable_where_a_name_is_plain(folder):
    put(folder, "alice/03-basics.ipynb", "bob.ipynb")
    assert slugs(collect(folder)) == {"alice/03-basics.ipynb": "alice-03-basics", "bob.ipynb": "bob"}


def test_slugs_are_names_for_every_file_system_and_unique_in_any_case(tmp_path):
    names = [
        "a/b.ipynb",
        "a-b.ipynb",
        "A b.ipynb",
        "CON.ipynb",
        "con.x.ipynb",
        "nul",
        "..ipynb",
        "-rf.ipynb",
        "é",
        "ë",
    ]
    names += [
        "x" * 500,
        "x" * 501,
        "<script>.ipynb",
        "=1+1",
        "a\nb",
        "日本.ipynb",
        ".hidden.ipynb",
        "a.",
        "a",
    ]
    made = slugs([submissions.Submission(name, "") for name in names])
    assert list(made) == names
    assert len({slug.lower() for slug in made.values()}) == len(names)
    for slug in made.values():
        assert set(slug) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
        assert 0 < len(slug) <= 80
        assert slug[0] not in ".-" and slug[-1] != "."
        assert slug.split(".")[0].lower() not in {"con", "nul"}


def test_a_slug_cannot_be_taken_by_whoever_guesses_it():
    first = slugs([submissions.Submission("é.ipynb", "")])["é.ipynb"]
    made = slugs([submissions.Submission(name, "") for name in ("é.ipynb", f"{first}.ipynb")])
    assert len(set(made.values())) == 2


def test_slugs_do_not_depend_on_the_order():
    several = [submissions.Submission(name, "") for name in ("a/b", "a-b", "A-B", "c", "é")]
    assert slugs(several) == slugs(several[::-1])
