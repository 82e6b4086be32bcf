"""Whole runs: every file has its row, nothing is lost or done twice, and what was asked for is regraded."""

import csv
import io
import os
import signal
import subprocess
import time
from dataclasses import replace

import pytest
from nbformat import v4

from mlm.exercises.compiler import compile_solution
from mlm.exercises.notebooks import BuildFailed, exercise_notebook
from mlm.grading import run
from mlm.grading.model import CannotGrade
from mlm.grading.sandbox import host, pool
from mlm.grading.store import FolderInUse

from .attacks.scene import EXERCISE, SOLUTION, blank, perfect
from .classroom import FULL, ROOT, SEED, Classroom, open_classroom, sandbox_or_skip

pytestmark = pytest.mark.sandbox
SLOW = "import time; time.sleep(1.5)"
close_sandboxes = pool.close_sandboxes  # before it is patched away
TYPED = 'within = 49.5\nex.check("within", within)'


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Keep the sandbox from one run to the next, which saves each test the loading of the stack."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(pool, "close_sandboxes", lambda exam: None)
        yield
    close_sandboxes()


@pytest.fixture
def cold():
    """No sandbox is there yet."""
    close_sandboxes()


@pytest.fixture
def room(tmp_path) -> Classroom:
    return open_classroom(tmp_path)


@pytest.fixture
def graded(room) -> Classroom:
    """A classroom whose submissions were graded."""
    room.hand_in(ana=perfect(), ben=blank())
    room.grade()
    return room


def rows(room: Classroom, out: str = "out") -> dict[str, dict]:
    text = (room.place / out / "grades.csv").read_text(encoding="utf-8-sig")
    return {row["learner"]: row for row in csv.DictReader(io.StringIO(text))}


def change(room: Classroom, old: str, new: str) -> None:
    """Change the solution."""
    path = room.settings.solution
    text = path.read_text(encoding="utf8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf8")


@pytest.fixture
def no_sandbox(monkeypatch):
    """Let it be an error if anything is run."""

    def refuse(*_):
        raise AssertionError("a sandbox was made, though nothing had to be run")

    monkeypatch.setattr(pool, "Sandbox", refuse)


# ---- what comes of a run ------------------------------------------------------------------------------


def test_a_perfect_notebook_gets_full_marks_and_a_blank_one_none(graded):
    found = rows(graded)
    assert {name: (row["status"], row["total"]) for name, row in found.items()} == {
        "ana": ("graded", str(FULL)),
        "ben": ("graded", "0"),
    }
    questions = ["n-batches", "within", "effects", "weight", "essay"]
    columns = ["submission", "learner", "status", "flags", *questions]
    assert list(found["ana"]) == [*columns, "total", "max"]


def test_every_file_has_a_row_whatever_it_is(room):
    room.hand_in(ana=perfect(), ben=b"%PDF-1.7", cem=b"", dan=b"{")
    room.grade()
    assert {name: row["status"] for name, row in rows(room).items()} == {
        "ana": "graded",
        "ben": "not a notebook",
        "cem": "empty",
        "dan": "unreadable",
    }


#: What honest notebooks hold besides answers; each cell fails where it does not work as it would in Jupyter.
HONEST = {
    "inline": "%matplotlib inline",
    "pylab": "%pylab inline",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\ndisplay(dyes)",
    "magics": "%timeit -n1 -r1 1 + 1\n!echo hello\n%pwd",
    "wait": "import asyncio\nawait asyncio.sleep(0)",
    "module": "%%writefile tools.py\ntwice = lambda x: 2 * x",
    "import": "import tools\nassert tools.twice(2) == 4",
    "last": "n_batches",
    "again": "assert _ == n_batches and isinstance(Out, dict)",
    "processes": "import multiprocessing as mp\nwith mp.Pool(2) as pool:\n    pool.map(abs, [-1])",
    "threads": "from joblib import Parallel, delayed\nParallel(2, 'threading')([delayed(abs)(-1)])",
    "user": "import getpass, os, pwd\nassert pwd.getpwuid(os.getuid()).pw_name == getpass.getuser()",
    "server": "import socket\nserver = socket.create_server(('localhost', 0))",
    "client": "socket.create_connection(('localhost', server.getsockname()[1]))",
    "process": "import psutil\npsutil.Process().memory_info()",
    "source": "import inspect\ndef f(): return 1\nassert 'return' in inspect.getsource(f)",
    "strict": "import warnings\nwarnings.simplefilter('error')",
}


def test_what_works_in_a_notebook_works_in_the_sandbox(room):
    notebook = perfect()
    notebook.cells += [v4.new_code_cell(source) for source in HONEST.values()]
    room.hand_in(ana=notebook, ben=perfect(before=HONEST["inline"]))
    (ana, ben) = room.grade().results
    assert (ana.status, ana.errors, ana.points) == ("graded", [], FULL)
    assert (ben.status, ben.points) == ("graded", FULL)


SPIN = """
import os, time
for _ in range(60):
    if not os.fork():
        os.setsid()  # a session of its own is a share of its own of the processors
        end = time.monotonic() + 10
        while time.monotonic() < end:
            pass
        os._exit(0)
time.sleep(10)
"""
WORK = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end:\n    pass"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="on one core there is nothing to share")
def test_a_neighbour_that_takes_every_processor_costs_an_honest_learner_nothing(room, cold):
    room.hand_in(ana=blank(before=SPIN), ben=perfect(before=WORK))  # taken in this order, at the same time
    room.grade(jobs=2, limits=host.Limits(seconds=40.0, cell_seconds=9.0))
    assert (rows(room)["ben"]["status"], rows(room)["ben"]["total"]) == ("graded", str(FULL))


def test_the_core_of_a_sandbox_is_free_again_when_it_was_ended(cold):
    """Else the next ones share all cores, with whoever takes them."""
    notebook, key = exercise_notebook(SOLUTION), compile_solution(SOLUTION, SEED).key
    with sandbox_or_skip():
        ended = host.Sandbox(run.make_exam(notebook, key, host.Limits(), bare=False))
    ended.kill()
    next_one = host.Sandbox(ended.exam)
    next_one.close()
    ended.close()
    assert next_one.core == ended.core


def test_a_text_of_any_length_is_kept_in_part(room):
    room.hand_in(ana=perfect(last='ex.write("essay", "long " * 2_000_000)'))
    (ana,) = room.grade().results
    essay = next(answer for answer in ana.answers if answer.name == "essay")
    assert essay.status == "written" and essay.text.startswith("long long")


def test_an_answer_for_the_public_data_is_reported_as_typed(room):
    room.hand_in(ana=perfect(last=TYPED), ben=perfect())
    room.grade()
    assert "hard-coded: within" in rows(room)["ana"]["flags"] and rows(room)["ana"]["within"] == "0"
    assert not rows(room)["ben"]["flags"]
    room.grade(out=room.place / "public", variant=None, public=True)
    assert rows(room, "public")["ana"]["within"] == "2"


@pytest.mark.parametrize("jobs", [2, -1])
def test_the_files_are_the_same_however_many_run_at_a_time(room, jobs):
    room.hand_in(ana=perfect(), ben=blank(), cem=perfect(last=SLOW), dan=perfect(last="1 / 0"))
    room.grade()
    room.grade(out=room.place / "other", jobs=jobs)
    assert room.files("other") == room.files()


def test_the_files_are_the_same_from_a_dask_cluster_of_two_workers(room):
    from distributed import LocalCluster

    room.hand_in(ana=perfect(), ben=blank(), cem=perfect(last=SLOW), dan=perfect(last="1 / 0"))
    room.grade()
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        room.grade(out=room.place / "other", dask=cluster.scheduler_address)
    assert room.files("other") == room.files()


def test_a_worker_with_another_version_of_the_course_is_refused(room, monkeypatch):
    room.hand_in(ana=blank())
    versions = iter(["this machine's", *["a worker's"] * 9])
    monkeypatch.setattr(pool, "surroundings", lambda: next(versions))
    with pytest.raises(pool.OtherCourse, match="the same version"):
        room.grade()


def test_no_dask_scheduler_is_said_with_its_address(room, monkeypatch):
    monkeypatch.setattr(pool, "ANSWERS_WITHIN", 1)
    room.hand_in(ana=blank())
    with pytest.raises(CannotGrade, match="No Dask scheduler answers at tcp://127.0.0.1:9"):
        room.grade(dask="tcp://127.0.0.1:9")


# ---- running it again ---------------------------------------------------------------------------------


def test_a_second_run_with_nothing_changed_does_nothing(graded, no_sandbox):
    before = {path: path.stat().st_mtime_ns for path in graded.settings.out.rglob("*.*")}
    again = graded.grade()
    assert (again.ran, again.written) == (0, [])
    after = {path: path.stat().st_mtime_ns for path in graded.settings.out.rglob("*.*")}
    changed = {path.name for path in before if before[path] != after.get(path)} - {".lock"}
    assert not changed


def test_only_a_submission_that_changed_runs_again(graded):
    graded.hand_in(ben=perfect())
    assert graded.grade().ran == 1
    assert rows(graded)["ben"]["total"] == str(FULL)


@pytest.mark.parametrize("who", ["ana", f"ana/{EXERCISE}.ipynb"])
def test_one_learner_is_run_again_on_request(graded, who):
    assert graded.grade(again=(who,)).ran == 1


def test_a_learner_whom_nobody_knows_is_refused_with_a_guess(graded):
    with pytest.raises(CannotGrade, match="'anna'.*did you mean ana"):
        graded.grade(again=("anna",))


def test_half_a_record_is_no_record(graded):
    record = next(graded.settings.out.glob("results/*.json"))
    record.write_text(record.read_text()[:50])
    assert graded.grade().ran == 1


def test_a_key_that_was_mended_is_applied_without_running_anything(room):
    room.hand_in(
        ana=perfect(last='ex.check("within", within * 1.02)\nex.check("effects", batch_effects * 1.02)')
    )
    room.grade()
    assert (rows(room)["ana"]["within"], rows(room)["ana"]["effects"]) == ("0", "0")
    change(room, "rtol=0.005", "rtol=0.03")
    assert room.grade().ran == 0
    assert (rows(room)["ana"]["within"], rows(room)["ana"]["effects"]) == ("2", "0")


def test_one_question_is_regraded_and_the_others_keep_their_key(room):
    room.hand_in(ana=perfect(last='ex.check("n-batches", n_batches + 1)\nex.check("within", within * 1.02)'))
    room.grade()
    change(room, "rtol=0.005", "rtol=0.03")
    change(room, "    n_batches,\n    means=", "    n_batches,\n    atol=2,\n    means=")
    room.grade(questions=("within",))
    assert (rows(room)["ana"]["n-batches"], rows(room)["ana"]["within"]) == ("0", "2")
    room.grade()
    assert rows(room)["ana"]["n-batches"] == "1"


def test_a_question_that_nobody_asked_is_refused_with_a_guess(graded):
    with pytest.raises(CannotGrade, match="no question 'withn': did you mean within"):
        graded.grade(questions=("withn",))


def test_pages_of_a_submission_that_is_gone_go_too(graded):
    (graded.place / "submissions" / "ben" / f"{EXERCISE}.ipynb").unlink()
    graded.grade()
    assert [path.parent.name for path in graded.settings.out.glob("gradescope/*/*")] != []
    assert not [name for name in graded.files() if "ben" in name]


def test_marks_that_an_instructor_gives_are_merged(graded):
    path = graded.settings.out / "marks.csv"
    path.write_text(path.read_text(encoding="utf8").replace(",,\n", ",0.5,\n"), encoding="utf8")
    before = path.read_bytes()
    graded.grade()
    assert float(rows(graded)["ana"]["essay"]) > 0
    assert path.read_bytes() == before


# ---- the seed -----------------------------------------------------------------------------------------


def test_a_seed_that_nobody_can_guess_is_drawn_once_and_kept_from_others(room):
    room.hand_in(ana=blank())
    room.grade(variant=None)
    path = room.settings.out / "grading.json"
    kept = path.read_text(encoding="utf8")
    room.grade(variant=None)
    assert path.read_text(encoding="utf8") == kept and '"variant": null' not in kept
    assert path.stat().st_mode & 0o077 == 0


def test_a_seed_that_does_not_serve_is_drawn_anew_and_refused_where_it_was_given(room, monkeypatch):
    compile_solution, tried = run.compile_solution, []

    def picky(solution, variant=None):
        tried.append(variant)
        if len(tried) < 3:
            raise BuildFailed("the two groups have no spread")
        return compile_solution(solution, variant)

    monkeypatch.setattr(run, "compile_solution", picky)
    room.hand_in(ana=blank())
    with pytest.raises(CannotGrade, match="choose another:\nthe two groups have no spread"):
        room.grade()
    room.grade(variant=None)
    assert tried[0] == SEED and len(set(tried[:3])) == 3


# ---- refusals -----------------------------------------------------------------------------------------


def test_what_cannot_be_graded_is_refused_with_what_there_is(room):
    room.hand_in(ana=blank())
    with pytest.raises(CannotGrade, match="no exercise '99-none'; there are 98-example"):
        room.grade(exercise="99-none")
    with pytest.raises(CannotGrade, match="lies in the folder of submissions"):
        room.grade(out=room.place / "submissions" / "grades")
    (room.place / "empty").mkdir()
    with pytest.raises(CannotGrade, match="no file in"):
        room.grade(submissions=room.place / "empty")


def test_a_folder_of_another_exercise_is_not_written_over(graded):
    (graded.place / "solutions" / "97-other.md").write_bytes(graded.settings.solution.read_bytes())
    with pytest.raises(CannotGrade, match="holds grades of 98-example; choose another folder"):
        graded.grade(exercise="97-other")


def test_two_runs_do_not_write_into_one_folder(graded):
    with run.alone_in(graded.settings.out), pytest.raises(FolderInUse, match="Another run is grading into"):
        graded.grade()


def test_without_bubblewrap_nothing_runs_and_the_refusal_says_what_to_install(room, cold, monkeypatch):
    room.hand_in(ana=perfect())
    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    with pytest.raises(host.NoSandbox, match="not installed(.|\n)*apt install bubblewrap"):
        run.grade_folder(room.settings)
    assert not list(room.settings.out.glob("grades.csv"))


def test_where_the_kernel_forbids_namespaces_the_refusal_says_so(room, cold, monkeypatch, tmp_path):
    room.hand_in(ana=perfect())
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho 'bwrap: No permissions to create new namespace' >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setattr(host.shutil, "which", lambda name: str(program))
    with pytest.raises(host.NoSandbox, match="No permissions to create new namespace(.|\n)*sysctl"):
        run.grade_folder(room.settings)


def test_in_a_container_of_its_own_the_grades_are_the_same_without_a_sandbox(graded):
    changed = replace(graded.settings, out=graded.place / "bare", bare=True)
    if os.getuid() == 0 and (closed := host._closed_to_others()):
        with pytest.raises(host.NoSandbox, match=f"who cannot read {closed}, where this Python lies"):
            run.grade_folder(changed)
        return
    run.grade_folder(changed)
    assert graded.files("bare") == graded.files()


# ---- interrupted --------------------------------------------------------------------------------------


def _records(room: Classroom) -> list:
    return sorted(room.settings.out.glob("results/*.json"))


def _wait_for_records(room: Classroom, count: int, process: subprocess.Popen) -> None:
    end = time.monotonic() + 900
    while len(_records(room)) < count:
        assert time.monotonic() < end and process.poll() is None, "it ended, or kept nothing, before the blow"
        time.sleep(0.05)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
def test_after_an_interruption_nothing_is_lost_or_done_twice(room, blow):
    room.hand_in(**{f"learner{k}": perfect(last=SLOW) for k in range(4)})
    room.grade(out=room.place / "undisturbed")
    process = room.start("--jobs", "1")
    _wait_for_records(room, 2, process)
    os.killpg(process.pid, blow)
    assert process.wait(30) != 0
    kept = {path: path.stat().st_mtime_ns for path in _records(room)}
    again = room.grade()
    assert 2 <= len(kept) < 4 and again.ran == 4 - len(kept)
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    assert room.files() == room.files("undisturbed")


def test_a_sandbox_that_dies_is_made_anew_and_the_submission_runs_again(room, monkeypatch):
    room.hand_in(ana=perfect(), ben=perfect())
    run_in, calls = host.Sandbox.run, []

    def fragile(self, cells):
        calls.append(self)
        if len(calls) == 1:
            self.kill()
        return run_in(self, cells)

    monkeypatch.setattr(host.Sandbox, "run", fragile)
    room.grade()
    assert {row["total"] for row in rows(room).values()} == {str(FULL)} and calls[0] is not calls[1]


def test_a_sandbox_that_dies_each_time_costs_no_points_but_waits_for_the_next_run(room, monkeypatch):
    room.hand_in(ana=perfect())
    with monkeypatch.context() as patched:
        patched.setattr(host.Sandbox, "run", lambda self, cells: host.Execution("failed", [], 0.0))
        room.grade()
    assert (rows(room)["ana"]["status"], rows(room)["ana"]["total"]) == ("not graded", "")
    room.grade()
    assert rows(room)["ana"]["total"] == str(FULL)


# ---- the command --------------------------------------------------------------------------------------


def test_the_command_says_what_came_of_it_and_where_to_look(room):
    room.hand_in(ana=perfect(), ben=b"%PDF-1.7")
    (room.place / "roster.csv").write_text("name\nana\nben\nZoe Zimmer\n")
    roster = ("--roster", str(room.place / "roster.csv"))
    done = room.run(*roster)
    assert done.returncode == 0, done.stderr
    assert "not a notebook" in done.stdout and "grades.csv" in done.stdout
    assert "No submission of Zoe Zimmer" in done.stdout
    assert "Nothing has changed since the last run." in room.run(*roster).stdout


def test_the_command_refuses_without_a_traceback(room):
    done = room.run()
    assert done.returncode == 1 and "Traceback" not in done.stderr and "submissions" in done.stderr
    wrong = room.run("--variant", "seven")
    assert wrong.returncode == 2 and "'seven'" in wrong.stderr and "public" in wrong.stderr


@pytest.mark.parametrize("given", [[], ["EX=03-basics"], ["EX=03-basics", "SUBS=x"]])
def test_make_grade_says_what_it_needs(given):
    command = ["make", "-n", "grade", *given]
    assert "Say what to grade" in subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
