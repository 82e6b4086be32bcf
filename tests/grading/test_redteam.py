"""The red team: no attack earns, reads, changes or leaves anything, and none harms its neighbours."""

import csv
import html.parser
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from mlm.exercises.builder import build_all
from mlm.exercises.compiler import compile_solution
from mlm.grading.model import Result
from mlm.grading.run import Settings, grade_folder
from mlm.grading.sandbox.host import Limits

from . import host
from .attacks import ATTACKS
from .attacks.scene import EXERCISE, SOLUTION, Attack, Scene, blank, perfect, submit
from .classroom import sandbox_or_skip

pytestmark = pytest.mark.sandbox
VARIANT = 7
FULL = 5
MANY = 3_000  # lines: so long a text leaves traces in memory
EVERY = 12  # attacks between two honest learners
LIMITS = Limits(
    seconds=20,
    cell_seconds=6,
    memory=900_000_000,
    disk=60_000_000,
    file=20_000_000,
    processes=60,
    said=4_000_000,
)
WATCHED = 2  # times a limit that no kernel holds: so much is reached by the fastest between two looks
SLACK = 120  # seconds, on the busiest machine, in which a submission that is told to stop has to be gone


@dataclass
class Graded:
    """What came of one run over all attacks and the honest learners among them."""

    results: dict[str, list[Result]]
    out: Path
    canaries: dict[str, str]
    scene: Scene
    heard: list[str]
    changed: list[str]
    left: list[str]
    running: list[int]

    def rows(self, folder: str) -> list[Result]:
        return self.results.get(folder, [])


def _folders() -> list[tuple[str, Attack | str]]:
    """Attacks in order, with an honest perfect and an honest blank submission every few, and at both ends."""
    order: list[Attack | str] = []
    for place, attack in enumerate(ATTACKS):
        order += ["perfect", "blank"] if place % EVERY == 0 else []
        order.append(attack)
    order += ["perfect", "blank", "zip"]
    return [(f"{n:03d}-{one if isinstance(one, str) else one.name}", one) for n, one in enumerate(order)]


FOLDERS = _folders()
NAMES = {one.name: folder for folder, one in FOLDERS if isinstance(one, Attack)}
HONEST = [folder for folder, one in FOLDERS if isinstance(one, str)]


def _hand_in(place: Path, scene: Scene, canary: str) -> None:
    import io
    import zipfile

    kept = f"# {canary}\n" * MANY  # lines of another learner's
    honest = {"perfect": submit(perfect(last=kept)), "blank": submit(blank(last=kept))}
    for folder, one in FOLDERS:
        (place / folder).mkdir(parents=True)
        if isinstance(one, Attack):
            for name, content in one.files.items():
                path = place / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content(scene) if callable(content) else content)
            if one.make:
                one.make(place / folder, scene)
        elif one == "zip":
            packed = io.BytesIO()
            with zipfile.ZipFile(packed, "w") as archive:
                archive.writestr(f"{EXERCISE}.ipynb", honest["perfect"](scene))
            (place / folder / "all.zip").write_bytes(packed.getvalue())
        else:
            (place / folder / f"{EXERCISE}.ipynb").write_bytes(honest[one](scene))


def _with_canaries(folder: Path, in_solution: str, in_key: str) -> Path:
    """The example's solution with a canary in a comment and one in its key."""
    text = SOLUTION.read_text(encoding="utf8")
    text = text.replace("n_batches = dyes", f"# {in_solution}\nn_batches = dyes")
    text = text.replace('accepts={"residuals":', f'accepts={{"{in_key}":')
    folder.mkdir()
    (folder / SOLUTION.name).write_text(text, encoding="utf8")
    return folder


@pytest.fixture(scope="module")
def graded(tmp_path_factory) -> Graded:
    """One run over everything."""
    place = tmp_path_factory.mktemp("redteam")
    places = ("solution", "key", "other submission", "environment", "home", "temporary file", "shared memory")
    canaries = {where: host.canary() for where in places}
    solutions = _with_canaries(place / "solutions", canaries["solution"], canaries["key"])
    for variant in (None, VARIANT):
        compile_solution(solutions / SOLUTION.name, variant)
        build_all(solutions=solutions, exercises=place / "exercises", variant=variant)
    (place / "home").mkdir()
    kept = {"home": place / "home" / "notes.txt", "temporary file": Path(f"/tmp/{os.getpid()}-notes.txt")}
    kept["shared memory"] = Path(f"/dev/shm/{os.getpid()}-notes.txt")
    for where, path in kept.items():
        path.write_text(canaries[where], encoding="utf8")
    targets = (*sorted((place / "exercises" / "keys").iterdir()), solutions / SOLUTION.name, *kept.values())
    targets += (place / "submissions" / HONEST[0] / f"{EXERCISE}.ipynb",)
    with pytest.MonkeyPatch.context() as patched, host.listening() as listener:
        patched.setenv("MLM_CANARY", canaries["environment"])
        patched.setenv("HOME", str(place / "home"))
        scene = host.scene(listener, targets)
        _hand_in(place / "submissions", scene, canaries["other submission"])
        try:
            yield _run(place, scene, canaries, listener)
        finally:
            for path in kept.values():
                path.unlink(missing_ok=True)
            shutil.rmtree(place, ignore_errors=True)


def _run(place: Path, scene: Scene, canaries: dict[str, str], listener) -> Graded:
    watched = [host.ROOT / part for part in ("mlm", "data", "exercises", "solutions", "tests")]
    watched += [place / "home", place / "solutions", place / "exercises"]
    settings = Settings(
        exercise=EXERCISE,
        submissions=place / "submissions",
        out=place / "out",
        variant=VARIANT,
        jobs=2,
        limits=LIMITS,
        solutions=place / "solutions",
    )
    before = host.contents(*watched)
    with sandbox_or_skip():
        results = grade_folder(settings).results
    after = host.contents(*watched)
    by_folder: dict[str, list[Result]] = {}
    for result in results:
        by_folder.setdefault(result.submission.split("/")[0], []).append(result)
    return Graded(
        results=by_folder,
        out=place / "out",
        canaries=canaries,
        scene=scene,
        heard=listener.heard,
        changed=sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)),
        left=host.planted(scene.token),
        running=_gone(lambda: host.processes(f"lurk{scene.token}") + host.children("bwrap")),
    )


def _gone(running, patience: float = 60) -> list[int]:
    """What still runs after a while."""
    end = time.monotonic() + patience
    while running() and time.monotonic() < end:
        time.sleep(0.2)
    return running()


def _told(result: Result) -> str:
    """All that a submission could say, in one text."""
    answers = [(answer.shown, answer.text, answer.message) for answer in result.answers]
    return "\n".join(map(str, (*answers, *result.errors, result.detail, *result.flags)))


# ---- each attack -----------------------------------------------------------------------------------

each_attack = pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)


@each_attack
def test_an_attack_earns_no_more_than_its_honest_part(graded, attack):
    rows = graded.rows(NAMES[attack.name])
    earned = {f"{row.submission}: {a.name}": a.points for row in rows for a in row.answers if a.points}
    assert sum(earned.values()) <= attack.deserved, f"{attack.kind}: it earned {earned}"


@each_attack
def test_an_attack_has_its_rows_and_ends_in_bounded_time(graded, attack):
    rows = graded.rows(NAMES[attack.name])
    assert len(rows) >= attack.rows, f"{attack.kind}: {len(rows)} rows, expected {attack.rows}"
    own = [row for row in rows if row.submission.endswith((".ipynb", ".zip"))] if len(rows) > 1 else rows
    wrong = {row.submission: (row.status, row.detail) for row in own if row.status not in attack.statuses}
    assert not wrong, f"{attack.kind}: {wrong}; expected one of {sorted(attack.statuses)}"
    late = {row.submission: row.seconds for row in rows if row.seconds > LIMITS.seconds + SLACK}
    assert not late, f"{attack.kind}: it ran for {late} seconds"


@each_attack
def test_an_attack_gets_through_no_wall(graded, attack):
    said = [_told(row) for row in graded.rows(NAMES[attack.name])]
    breaches = [line for text in said for line in re.split(r"\\n|\n", text) if "breach:" in line]
    assert not breaches, f"{attack.kind}: {breaches[:20]}"


@pytest.mark.parametrize(
    ("name", "unit", "most"),
    [
        ("memory", "megabytes", LIMITS.memory / 1e6),
        # what several processes share is looked at many times a second, and taken in between
        ("memory-of-children", "megabytes", WATCHED * LIMITS.memory / 1e6),
        ("memory-shared", "megabytes", WATCHED * LIMITS.memory / 1e6),
        ("memory-nameless", "megabytes", WATCHED * LIMITS.memory / 1e6),
        ("limits-raised", "megabytes", LIMITS.memory / 1e6),
        ("disk", "megabytes", 2 * LIMITS.disk / 1e6),
        ("forks", "processes", LIMITS.processes),
        ("threads", "threads", LIMITS.processes),
        ("inodes", "files", 50_000),
    ],
)
def test_an_attack_gets_no_more_room_than_the_limits_give(graded, name, unit, most):
    said = "\n".join(_told(row) for row in graded.rows(NAMES[name]))
    reached = [int(number) for number in re.findall(rf"{unit}: (\d+)", said)]
    assert all(number <= 1.1 * most for number in reached), f"it reached {max(reached)} {unit}"


# ---- the honest among them ---------------------------------------------------------------------------


@pytest.mark.parametrize("folder", HONEST)
def test_an_honest_learner_among_attacks_gets_what_is_deserved(graded, folder):
    (row,) = graded.rows(folder)
    assert (row.status, row.points) == ("graded", 0 if folder.endswith("blank") else FULL), _told(row)


# ---- the run as a whole ------------------------------------------------------------------------------


def test_no_canary_is_read(graded):
    found = [
        f"{path.relative_to(graded.out)} holds the canary of the {where}"
        for path in graded.out.rglob("*")
        if path.is_file() and path.name != "grading.json"  # the key itself
        for where, canary in graded.canaries.items()
        if canary.encode() in path.read_bytes()
    ]
    assert not found


def test_nothing_planted_by_one_submission_reaches_another(graded):
    mark = re.compile(rb"planted-[0-9a-f]{32}")
    found = [str(path) for path in graded.out.rglob("*") if path.is_file() and mark.search(path.read_bytes())]
    assert not found


def test_no_file_of_the_host_is_changed(graded):
    assert not graded.changed
    assert not graded.left


def test_no_process_is_left_behind(graded):
    assert not graded.running


def test_nobody_outside_is_reached(graded):
    assert not graded.heard


def test_every_file_has_exactly_one_row(graded):
    with open(graded.out / "grades.csv", encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == sum(map(len, graded.results.values()))
    assert len({row["submission"] for row in rows}) == len(rows)
    assert not [folder for folder, _ in FOLDERS if folder not in graded.results]


def test_no_cell_of_a_table_is_a_formula(graded):
    formulas = []
    for path in graded.out.glob("*.csv"):
        with open(path, encoding="utf-8-sig", newline="") as stream:
            formulas += [
                f"{path.name}: {cell[:60]!r}"
                for row in csv.reader(stream)
                for cell in row
                if re.match(r"[=+\-@\t\r\n＝＋－＠]", cell) and not re.fullmatch(r"-?\d+(\.\d+)?", cell)
            ]
    assert not formulas


class Live(html.parser.HTMLParser):
    """Collects what would act, load or send when a page is opened."""

    FORBIDDEN = {"script", "iframe", "object", "embed", "form", "base", "link", "frame", "applet", "portal"}
    LOADING = {"src", "href", "action", "formaction", "srcset", "poster", "background", "data", "xlink:href"}

    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.found = []

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            value = re.sub(r"[\s\x00-\x1f]", "", value or "").lower()
            acts = name.startswith("on") or name == "srcdoc"
            loads = name in self.LOADING and tag != "a" and not value.startswith(("data:image/", "#"))
            leads = name == "href" and not re.match(r"https?:|#|\.|[\w./-]*($|#|\?)", value)
            style = name == "style" and ("url(" in value or "expression" in value)
            if acts or loads or leads or style or value.startswith(("javascript:", "vbscript:")):
                self.found.append(f"<{tag} {name}={value[:60]!r}>")
        if tag in self.FORBIDDEN or tag == "meta" and "refresh" in str(attributes).lower():
            self.found.append(f"<{tag}>")

    def handle_comment(self, data):
        if "script" in data or data.startswith("[if"):
            self.found.append(f"<!--{data[:60]}-->")


def _live(text: str) -> list[str]:
    parser = Live()
    parser.feed(text)
    parser.close()
    styles = re.findall(r"<style[^>]*>(.*?)</style>", text, re.DOTALL)
    return parser.found + [style[:60] for style in styles if "@import" in style or "http" in style]


def test_pages_hold_nothing_that_acts_or_loads(graded):
    live = {
        str(path.relative_to(graded.out)): found[:3]
        for path in graded.out.rglob("*.html")
        if (found := _live(path.read_text(encoding="utf8")))
    }
    assert not live


def test_the_export_to_gradescope_holds_no_tag_that_would_be_shown(graded):
    live = []
    for path in graded.out.glob("gradescope/*/results.json"):
        content = json.loads(path.read_text(encoding="utf8"))
        parts = [content, *content.get("tests", [])]
        shown = [part for part in parts if "html" in (part.get("output_format"), part.get("name_format"))]
        live += [path.parent.name for part in shown if _live(str(part.get("output", "")))]
        formats = {part.get(f) for part in parts for f in ("output_format", "name_format")}
        live += [path.parent.name] if "md" in formats else []
    assert not live


def test_the_results_of_the_run_are_not_for_other_users(graded):
    assert graded.out.stat().st_mode & 0o077 == 0


# ---- the red team itself -----------------------------------------------------------------------------


def test_the_red_team_is_large_and_of_many_kinds():
    assert len(ATTACKS) >= 36
    assert len({attack.kind for attack in ATTACKS}) >= 24
    assert len(NAMES) == len(ATTACKS), "two attacks have one name"


@pytest.mark.parametrize(
    "source",
    [
        "<script>1</script>",
        "<img src=x onerror=alert(1)>",
        "<a href='java\nscript:alert(1)'>x</a>",
        "<img src='http://mlm.invalid/x'>",
        "<meta http-equiv=refresh content=0>",
        "<p style='background:url(http://mlm.invalid)'>",
        "<style>@import 'http://mlm.invalid'</style>",
    ],
)
def test_the_look_at_pages_sees_what_acts(source):
    assert _live(source)


def test_the_look_at_pages_leaves_text_alone():
    assert not _live("<p>&lt;script&gt;alert(1)&lt;/script&gt; <a href='https://x.invalid/'>book</a></p>")
