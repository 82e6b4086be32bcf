"""`Exercise`: what a learner and an author type."""

import json
import os
import re
import textwrap
from pathlib import Path

import pandas as pd

from mlm.exercises import keys
from mlm.exercises.compare import RIGHT, UNANSWERED, Verdict, judge
from mlm.exercises.plain import to_plain
from mlm.exercises.texts import refusal
from mlm.exercises.variants import read_variant, vary_groups

#: Folder of the keys, where it is not the project's own (a sandbox, a private variant, a test).
KEYS_FOLDER = "MLM_KEYS"
#: File to which answers and keys are appended as JSON lines, where a program runs the notebook.
RECORD_FILE = "MLM_RECORD"
KEPT, IS_KEPT = "kept", "The answer is kept."
MARKS = {RIGHT: "✓", UNANSWERED: "…", KEPT: "…", "written": "✎"}


class Exercise:
    """The data, the checks and the hints of one exercise.

    Parameters
    ----------
    name : str
        The exercise's name, which is that of its chapter: ``"03-basics"``.
    variant : int, optional
        Seed of a private variant, in which the groups of each data set are dealt out anew.  By default
        the environment variable ``MLM_VARIANT``, and without it the public data.

    Examples
    --------
    A learner's notebook holds, question by question::

        ex = Exercise("03-basics")
        ratings = ex.data("teaching_ratings", vary="prof")
        n_professors = ...                        # the answer goes here
        ex.check("n-professors", n_professors)    # … n-professors: Not answered yet.
        ex.hint("n-professors")                   # one more hint at each call

    The solution holds the worked answer in the place of ``...`` and one more cell, tagged ``key``::

        ex.key(
            "n-professors", n_professors,
            mistakes={"rows": (len(ratings), "These are the ratings; how many people gave the lectures?")},
            hints=["Which column names people?", "Count its different values.", "ratings['prof'].nunique()"],
        )
    """

    def __init__(self, name: str, variant: int | None = None):
        self.name = name
        self.variant = read_variant(variant)
        self._own = {}  # questions whose key cell has run in this process: only in a solution
        self._hints_given = {}
        self._read = (None, {})

    def data(self, name: str, vary: str | None = None) -> pd.DataFrame:
        """Load a data set, as it is or, in a private variant, with its groups dealt out anew.

        Parameters
        ----------
        name : str
            A data set of `mlm.load`.
        vary : str, optional
            The column of groups.  In a private variant each of its labels receives the rows of another
            group, drawn at random with replacement; columns of the group move with the rows.  Without
            it the data set is the same in every variant.

        Returns
        -------
        pandas.DataFrame
            Columns and dtypes of the public data set; the number of rows may differ where groups differ
            in size.  The same seed, exercise and data set give the same rows on every machine.
        """
        from mlm.data import load

        frame = load(name)
        if vary is None or self.variant is None:
            return frame
        return vary_groups(frame, vary, seed=self.variant, salt=f"{self.name}/{name}")

    def check(self, name: str, value) -> None:
        """Say in one line whether ``value`` answers the question ``name``.

        The line says that it is right, and what that means; or gives the hint of the known mistake that
        leads to this value; or says how far off it is, or what kind of value is asked for.  It never
        raises.  Where the key holds no value (`mlm.exercises.keys.without_answers`) it keeps the answer and
        says only that.

        Parameters
        ----------
        name : str
            Name of the question.
        value : object
            The answer: a number, text, True or False, an array, list, set, dict, Series, data frame or
            function, as the question asks.
        """
        question, problem = self._question(name, "check")
        probes = question and question["probes"] and [call["arguments"] for call in question["probes"]]
        answer = to_plain(value, probes)
        verdict = _verdict(answer, question) if question else problem
        self._record("check", name=str(name), answer=answer, verdict=vars(verdict))
        line = _line(name, verdict)
        if verdict.status == RIGHT:
            line = line.replace("Right.", f"Right. {_points(verdict.points)}.", 1)
        print(line)

    def hint(self, name: str) -> None:
        """Print one more hint on the question: a nudge, the structure, then the code or a first sentence."""
        question, problem = self._question(name)
        if not question:
            print(_line(name, problem))
            return
        hints, given = question["hints"], self._hints_given.get(name, 0)
        if not hints:
            print(f"{name}: There are no hints here.")
            return
        if given == len(hints):
            last = "the code" if question["kind"] == "check" else "a first sentence"
            print(f"{name}: There are no more hints; the third one holds {last}.")
            return
        self._hints_given[name] = given + 1
        print(f"{name}, hint {given + 1} of {len(hints)}: {hints[given]}")

    def write(self, name: str, text) -> None:
        """Look at a written answer: how long it is, what to check it for, and how another reads.

        It is never graded here.

        Parameters
        ----------
        name : str
            Name of the question.
        text : str
            What was written, most easily between three quotes.

        Notes
        -----
        Prints the number of words against the range that is asked for, then the criteria of the rubric
        as a list to check oneself by; the same list stands above the answer in the notebook.  Where the
        text is long enough, a model answer follows to compare it with.  A text that repeats few words, or
        that is mostly the question's own, is refused (`mlm.exercises.texts`).  In the solution, the answer
        cell holds the model answer (``essay = \"\"\"…\"\"\"``), the check cell
        ``ex.write("essay", essay)``, the key cell `rubric`.
        """
        question, problem = self._question(name, "write")
        answer = to_plain(text)
        verdict = _look_at(answer, question) if question else problem
        self._record("write", name=str(name), answer=answer, verdict=vars(verdict))
        asks = " Does it do each of these?" if verdict.status == "written" else ""
        print(_line(name, verdict) + asks)
        if verdict.status == "written":
            for item in question["rubric"]:
                print(f"  [ ] {item['criterion']} ({_points(item['points'])})")
            if keys.count_words(answer["value"]) >= question["words"][0]:
                print("\nOne way to write it, to compare yours with:\n")
                print(_wrapped(question["model"]))

    def key(
        self,
        name: str,
        value,
        *,
        means: str = "",
        unit: str = "",
        rtol: float | None = None,
        atol: float = 0,
        points: float = 1,
        mistakes: dict[str, tuple] | None = None,
        hints: list[str] = (),
        accepts: dict | None = None,
        probes: list[tuple] | None = None,
        from_data: bool = True,
        section: str | None = None,
    ) -> None:
        """State the key of a question; only in a solution, in a cell tagged ``key``.

        Nothing here is typed by hand that can be computed: right value and mistakes come from the
        solution's own variables, so that the key follows the data of every variant.

        Parameters
        ----------
        name : str
            Name of the question: small letters, digits, hyphens.  There must be one `check` of it.
        value : object
            The right value.  Its type decides how answers are compared:

            - number: within ``atol + rtol * abs(value)``; whole numbers are equal unless ``rtol`` is given;
            - text: capitals and spaces do not count; ``True``/``False``: equal;
            - array, list of numbers or of text: same shape, position by position;
            - ``set``: any order, and the answer may be a set, list, array or Series;
            - Series or dict: by label, in any order (the answer may be either);
            - data frame: by column name and row label, in any order (rows only numbered: by position);
            - function, with ``probes``: what it returns for each probe.
        means : str, optional
            One sentence on what the right value says about the question at hand, shown after a right answer.
            It may quote values: ``means=f"A share of {icc:.2f} lies between professors."``.
        unit : str, optional
            What a difference from the right value is told in, in place of per cent, where no mistake is
            recognised: ``"log-units"`` for log-likelihoods and differences of them.
        rtol, atol : float, optional
            Tolerance, relative (0.001 where none is given) and absolute.  Admit every legitimate engine
            that the question allows, and no catalogued mistake.
        points : float
            Points of the question.
        mistakes : dict of str to (value, hint)
            Wrong values that a known misconception gives, each with a sentence that leads away from it.
            Refused where one is within the tolerance of the right value, or where two with different hints
            cannot be told apart.  (`mlm.exercises.keys.compile_check` says what a private variant does.)
        hints : list of str
            Exactly three: a nudge, the structure, the code.
        accepts : dict of str to value, optional
            The same quantity by other right routes (another engine or optimiser); refused where one is
            outside the tolerance, which then is too narrow.
        probes : list of tuple, optional
            For a function: the arguments of each call, for example ``[(5, 0.3, 0.8), (80, 0.3, 0.8)]``.
            Numbers, text, lists, arrays, Series and data frames may be arguments.  Mistakes and accepted
            routes are then functions too.  A private variant moves each float among the arguments a
            little (`mlm.exercises.probes.move`), so give at least one; where only arrays or
            frames make sense, vary them by ``ex.variant``.
        from_data : bool, optional
            Whether the answer depends on the variant: on its data, or for a function on where it is
            called.  Give False where it does not, or so little that the tolerance covers it: a proof
            asks that every other measured number changes in a private variant, and that these do not.
        section : str, optional
            Label of the book's section that the question practises: ``"sec-basics-icc"``.

        Raises
        ------
        KeyRefused
            Where the catalogue contradicts itself, a value is nan or infinite, or hints are missing.
        """
        question = keys.compile_check(
            name,
            value,
            means=means,
            unit=unit,
            rtol=rtol,
            atol=atol,
            points=points,
            mistakes=mistakes,
            hints=hints,
            accepts=accepts,
            probes=probes,
            from_data=from_data,
            section=section,
            variant=self.variant,
        )
        self._state(question)

    def rubric(
        self,
        name: str,
        model_answer: str,
        *,
        words: tuple[int, int],
        rubric: dict[str, float],
        hints: list[str],
        section: str | None = None,
    ) -> None:
        """State how a written answer is marked; only in a solution, in a cell tagged ``key``.

        Parameters
        ----------
        name : str
            Name of the question.  There must be one `write` of it.
        model_answer : str
            A full answer.  Its length must be in range.  A learner sees it once a text of their own is
            long enough.
        words : (int, int)
            Fewest and most words asked for.
        rubric : dict of str to float
            What a full answer does, criterion by criterion, with the points of each, written out here.
            Learners see it as a list above the answer, and again when they check themselves by it, so
            write each as a sentence: ``"It says what is pooled."``
        hints : list of str
            Exactly three: a nudge, a structure, a first sentence.
        section : str, optional
            Label of the book's section that the question practises.
        """
        question = keys.compile_write(
            name, model_answer, words=words, rubric=rubric, hints=hints, section=section
        )
        self._state(question)

    def _state(self, question: dict) -> None:
        self._own[question["name"]] = question
        self._record("key", question=question)

    def _record(self, event: str, **content) -> None:
        record({"event": event, "exercise": self.name, "variant": self.variant, **content})

    def _question(self, name, kind: str | None = None) -> tuple[dict | None, Verdict | None]:
        """The question of this name, or None and what is said instead of a judgement."""
        questions, problem = self._questions()
        if problem:
            return None, problem
        if not isinstance(name, str) or name not in questions:
            return None, _unknown(f"There is no question of this name; {keys.near(name, list(questions))}")
        question = questions[name]
        if kind and question["kind"] != kind:
            return None, _unknown(f"This question wants ex.{question['kind']}({name!r}, …).")
        return question, None

    def _questions(self) -> tuple[dict, Verdict | None]:
        path = keys.file_of(_keys_folder(), self.name, self.variant)
        try:
            changed = path.stat().st_mtime_ns
            if self._read[0] != changed:
                self._read = (changed, keys.read(path))
        except FileNotFoundError:
            return self._own, None if self._own else self._no_key(path)
        except keys.UNREADABLE:
            return {}, _unknown(f"The key file {path.name} cannot be read; `make exercises` writes it anew.")
        return self._read[1] | self._own, None

    def _no_key(self, path: Path) -> Verdict:
        """An examination, or a private variant, is handed out without one; or the name is misspelt."""
        missing, hint = f"variant {self.variant}", ""
        if self.variant is None:
            others = [other.stem for other in sorted(path.parent.glob("*.json")) if "." not in other.stem]
            asked, missing = keys.near(self.name, others), f"exercise {self.name!r}"
            hint = f" ({asked})" if asked.startswith("did") else ""
        return Verdict(
            KEPT, message=f"The answer is kept; there is no key of {missing} here to check it by{hint}."
        )


def _unknown(problem: str) -> Verdict:
    return Verdict("unknown", message=problem)


def _keys_folder() -> Path:
    elsewhere = os.environ.get(KEYS_FOLDER)
    return Path(elsewhere) if elsewhere else Path(__file__).parents[2] / "exercises" / "keys"


def _verdict(answer: dict, question: dict) -> Verdict:
    """The judgement, or none where the key does not know the right value."""
    return judge(answer, question) if "value" in question else Verdict(KEPT, message=IS_KEPT)


def _look_at(answer: dict, question: dict) -> Verdict:
    """What is said of a written answer."""
    if "words" not in question:
        return Verdict(KEPT, message=IS_KEPT)
    if answer["kind"] == "unanswered" or answer["kind"] == "text" and not answer["value"].strip():
        return Verdict(UNANSWERED, message="Not answered yet.")
    if answer["kind"] != "text":
        return Verdict("invalid", message='Write text between quotes, most easily between """ and """.')
    task = " ".join(
        [question.get("task", ""), *(i["criterion"] for i in question["rubric"]), *question["hints"]]
    )
    if problem := refusal(answer["value"], task):
        return Verdict("invalid", message=problem)
    count, (fewest, most) = keys.count_words(answer["value"]), question["words"]
    room = "too short" if count < fewest else "too long" if count > most else "in range"
    return Verdict("written", message=f"{count} words, {room} ({fewest} to {most} are asked for).")


def _wrapped(text: str) -> str:
    """Paragraphs of a text in lines that fit a notebook."""
    paragraphs = re.split(r"\n\s*\n", text)
    return "\n\n".join(
        textwrap.fill(" ".join(p.split()), 90, initial_indent="  ", subsequent_indent="  ")
        for p in paragraphs
    )


def _line(name, verdict: Verdict) -> str:
    return f"{MARKS.get(verdict.status, '✗')} {name}: {verdict.message}"


def _points(points: float) -> str:
    return f"{points:g} point" if points == 1 else f"{points:g} points"


def record(line: dict) -> None:
    """Append what happened as one JSON line to the file that `RECORD_FILE` names, if it names one.

    A program that runs notebooks in its own process may put a function of its own in the place of this one.

    Parameters
    ----------
    line : dict
        Plain data: ``event`` (``check``, ``write`` or ``key``), ``exercise``, ``variant``, and the
        ``question``, or else ``name``, ``answer`` (plain data) and ``verdict`` (fields of a Verdict).
    """
    path = os.environ.get(RECORD_FILE)
    if path:
        with open(path, "a", encoding="utf8") as stream:
            stream.write(json.dumps(line, allow_nan=False) + "\n")
