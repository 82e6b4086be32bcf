"""A notebook that was handed in, whatever its bytes are: its code cells, or a reason why not."""

import json
import tracemalloc
from contextlib import suppress

import nbformat
import pytest
from patience import patience

from mlm.grading.collect import reader
from mlm.grading.collect.reader import Refused, read_notebook

EXERCISE = "03-basics"
CALL = f'ex = Exercise("{EXERCISE}")'


def code(*sources, **metadata) -> dict:
    cells = [{"cell_type": "code", "source": source, "metadata": {}, "outputs": []} for source in sources]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": cells}


def content(notebook, encoding="utf-8") -> bytes:
    return json.dumps(notebook, ensure_ascii=False).encode(encoding)


def sources(given: bytes) -> list[str]:
    return [cell.source for cell in read_notebook(given, EXERCISE).cells]


def notes(given: bytes) -> tuple[str, ...]:
    return read_notebook(given, EXERCISE).notes


def refusal(given: bytes) -> tuple[str, str]:
    with pytest.raises(Refused) as caught:
        read_notebook(given, EXERCISE)
    return caught.value.status, caught.value.sentence


def test_only_code_cells_are_run_and_each_knows_its_place():
    notebook = code(CALL, "a = 1")
    notebook["cells"].insert(1, {"cell_type": "markdown", "source": "text"})
    notebook["cells"].insert(2, {"cell_type": "raw", "source": "raw"})
    cells = read_notebook(content(notebook), EXERCISE).cells
    assert [(cell.place, cell.source) for cell in cells] == [(1, CALL), (4, "a = 1")]


def test_the_notebook_of_this_course_reads_as_nbformat_reads_it():
    text = reader.__file__.replace("mlm/grading/collect/reader.py", "exercises/03-basics.ipynb")
    with open(text, "rb") as file:
        given = file.read()
    expected = [c.source for c in nbformat.reads(given.decode(), as_version=4).cells if c.cell_type == "code"]
    assert sources(given) == expected
    assert notes(given) == ()


def test_a_source_may_be_a_list_of_lines():
    assert sources(content(code([CALL + "\n", "a = 1"]))) == [f"{CALL}\na = 1"]


@pytest.mark.parametrize("source", [None, 3, {"a": 1}, [1, None]])
def test_a_source_that_is_no_text_is_a_blank_cell(source):
    assert sources(content(code(CALL, source))) == [CALL, ""]


def test_a_cell_without_source_is_blank_and_one_without_type_is_reported():
    notebook = code(CALL)
    notebook["cells"] += [{"cell_type": "code"}, {"source": "x"}, "no cell", None]
    read = read_notebook(content(notebook), EXERCISE)
    assert [cell.source for cell in read.cells] == [CALL, ""]
    assert read.notes == ("cells that are none: 3",)


def test_missing_ids_and_unknown_keys_do_not_matter():
    notebook = code(CALL) | {"extra": [1, {"deep": None}]}
    notebook["cells"][0]["surprise"] = True
    assert sources(content(notebook)) == [CALL]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_utf_8_needs_no_note(encoding):
    assert notes(content(code(CALL, "x = 'é'"), encoding)) == ()


@pytest.mark.parametrize(
    ("encoding", "note"),
    [("utf-16", "utf-16"), ("utf-16-le", "utf-16"), ("utf-32", "utf-32"), ("latin-1", "latin-1")],
)
def test_other_encodings_are_read_and_noted(encoding, note):
    given = content(code(CALL, "x = 'é'"), encoding)
    assert sources(given)[1] == "x = 'é'"
    assert notes(given) == (f"encoding: {note}",)


@pytest.mark.parametrize(("version", "end"), [(2, ""), (3, ""), (3, "\n")])
def test_old_formats_give_what_nbformat_upgrades_them_to(version, end):
    cells = [
        {"cell_type": "code", "input": CALL, "language": "python", "outputs": [], "collapsed": False},
        {"cell_type": "markdown", "source": "text"},
        {"cell_type": "code", "input": [f"a = 1{end}", "b = 2"], "language": "python", "outputs": []},
    ]
    old = {
        "nbformat": version,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [{"cells": cells}],
    }
    upgraded = nbformat.reads(json.dumps(old), as_version=4)
    read = read_notebook(content(old), EXERCISE)
    assert [c.source for c in read.cells] == [c.source for c in upgraded.cells if c.cell_type == "code"]
    assert read.notes == (f"nbformat {version}",)


def test_another_kernel_is_noted():
    assert notes(content(code(CALL, kernelspec={"name": "ir", "language": "R"}))) == ("kernel: ir",)
    assert notes(content(code(CALL, kernelspec={"name": "env", "language": "python"}))) == ()
    assert notes(content(code(CALL, language_info={"name": "julia"}))) == ("kernel: julia",)


def test_the_exercise_in_the_metadata_is_enough():
    assert notes(content(code("a = 1", mlm={"exercise": EXERCISE}))) == ()


def test_a_notebook_that_names_no_exercise_is_graded_with_a_note():
    assert notes(content(code("a = 1"))) == ("exercise not named",)
    assert notes(content(code("# Exercise('05-mathematics')\na = 1"))) == ("exercise not named",)


def test_where_code_and_metadata_disagree_the_code_counts():
    other = {"mlm": {"exercise": "05-mathematics"}}
    assert notes(content(code(CALL, **other))) == ("metadata name another exercise: 05-mathematics",)
    status, sentence = refusal(content(code('Exercise("05-mathematics")', mlm={"exercise": EXERCISE})))
    assert status == "wrong exercise"
    assert "05-mathematics" in sentence and EXERCISE in sentence


def test_another_exercise_in_the_metadata_alone_is_refused():
    assert refusal(content(code("a = 1", mlm={"exercise": "05-mathematics"})))[0] == "wrong exercise"


def test_what_a_learner_wrote_is_shortened_in_a_sentence_and_has_no_control_characters():
    _, sentence = refusal(content(code(f'Exercise("\x1b[31m\u202e{"x" * 150}")')))
    assert "\x1b" not in sentence and "\u202e" not in sentence
    assert "x" * 40 in sentence and "x" * 61 not in sentence


@pytest.mark.parametrize("given", [b"", b" \n\t ", content(code()), content(code("  ", ""))])
def test_nothing_to_run_is_empty(given):
    assert refusal(given)[0] == "empty"


@pytest.mark.parametrize(
    "given",
    [
        b"%PDF-1.7 ...",
        b"PK\3\4....",
        b"<!doctype html>",
        b"\x89PNG\r\n",
        b"\xff\xfe\x00\xd8",
        b"import numpy as np",
        b"[]",
        b'"text"',
        b"3",
        b"{}",
        b'{"cells": 3}',
        b'{"worksheets": {}}',
    ],
)
def test_what_is_no_notebook_is_called_so(given):
    status, sentence = refusal(given)
    assert status == "not a notebook"
    assert ".ipynb" in sentence


def test_a_truncated_notebook_is_unreadable_at_every_length():
    whole = content(code(CALL, "x = 'é'"))
    for length in range(1, len(whole)):
        status, sentence = refusal(whole[:length])
        assert status == "unreadable"
        assert "save it" in sentence


def test_deep_nesting_is_unreadable():
    assert refusal(b'{"cells": ' + b"[" * 500_000)[0] == "unreadable"
    assert refusal(b'{"cells": [], "x": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001)[0] == "unreadable"


def test_numbers_of_any_size_and_no_number_at_all_do_not_matter():
    notebook = content(code(CALL))[:-1] + b', "a": ' + b"9" * 100_000 + b', "b": NaN, "c": -1e999}'
    assert sources(notebook) == [CALL]


def test_of_a_key_given_twice_the_last_counts():
    assert sources(b'{"cells": [], ' + content(code(CALL))[1:]) == [CALL]


def test_half_a_character_becomes_one_that_can_be_passed_on():
    given = content(code(CALL, "x")).replace(b'"x"', b"\"s = '\\ud800'\"")
    assert sources(given)[1].encode("utf8") == b"s = '?'"


@pytest.mark.parametrize(
    "notebook",
    [
        code(*["a"] * (reader.MAX_CELLS + 1)),
        code("a" * (reader.MAX_SOURCE + 1)),
        code("a") | {"x": [[]] * (reader.MAX_BRACKETS + 1)},
        code("a") | {"x": "a" * reader.MAX_BYTES},
    ],
    ids=["cells", "a cell", "brackets", "bytes"],
)
def test_what_is_beyond_a_limit_is_too_large(notebook):
    assert refusal(content(notebook))[0] == "too large"


def full(start: bytes, unit: bytes, end: bytes) -> bytes:
    """As large as a notebook may be."""
    return start + unit * ((reader.MAX_BYTES - len(start) - len(end)) // len(unit)) + end


@pytest.mark.parametrize(
    "given",
    [
        full(b'{"cells": [0', b",[]", b"]}"),
        full(b'{"cells": [0', b',{"a":1}', b"]}"),
        full(b'{"cells": [0', b",1", b"]}"),
        full(b'{"cells": [0', b",1e9", b"]}"),
        full(b'{"cells": [0', b',"ab"', b"]}"),
        full(b'{"cells": [], "x": ', b"9", b"}"),
        full(b'{"cells": [], "x": 0.', b"9", b"}"),
        full(b'{"cells": [], "x": "', b"\\u0000", b'"}'),
        full(b"{", b" ", b"}"),
        full(b"", b"[", b""),
        full(b"", b"\x00", b""),
        full(b"", b"\xff", b""),
        full(b'{"cells": [{"cell_type": "code", "source": [""', b',"Exercise( "', b"]}]}"),
        content(code(*["Exercise(" * 100_000] * 20)),
        content(code(*['Exercise("a")#' * 60_000] * 20)),
        content(code(*["#\n" * 380_000] * 18)),
        content(code(*[" " * 1_000_000 + "Exercise("] * 19)),
    ],
    ids=range(17),
)
def test_the_worst_of_twenty_megabytes_ends_soon(given):
    assert len(given) <= reader.MAX_BYTES
    with patience(), suppress(Refused):
        read_notebook(given, EXERCISE)


def test_objects_that_json_makes_of_small_text_are_bounded():
    given = content(code("a") | {"x": [{"a": 1}] * (reader.MAX_BRACKETS - 10)})
    tracemalloc.start()
    read_notebook(given, EXERCISE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 600 * 2**20
