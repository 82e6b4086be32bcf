"""The commands behind ``make``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def fail(problem: Exception) -> NoReturn:
    """End with the problem's own words, without a traceback."""
    typer.secho(f"\n{problem}", fg="red", err=True)
    raise typer.Exit(1) from None


@app.command()
def book(jobs: Annotated[int | None, typer.Option(help="Pages to execute at the same time.")] = None) -> None:
    """Build the site, strictly, into _build/html."""
    from mlm.book import BuildFailed, build

    try:
        build(jobs)
    except BuildFailed as problem:
        fail(problem)


@app.command()
def exercises(
    verify: Annotated[
        bool, typer.Option(help="Write nothing; fail if a file is not what its source makes.")
    ] = False,
    variant: Annotated[int | None, typer.Option(help="Write only the keys of this private variant.")] = None,
    solutions: Annotated[
        Path | None, typer.Option(help="Folder of solutions of your own, instead of the course's.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Where to write the exercises made from those.")] = None,
    worked: Annotated[
        Path | None, typer.Option(help="Where to write them with the answers worked out, too.")
    ] = None,
) -> None:
    """Make the exercises and their keys from the solutions."""
    from mlm.exercises.builder import EXERCISES, SOLUTIONS, BuildFailed, build_all

    if (solutions is None) != (out is None):
        raise typer.BadParameter("solutions of your own and where to write go together: give both or none")
    try:
        for line in build_all(
            check=verify,
            variant=variant,
            solutions=solutions or SOLUTIONS,
            exercises=out or EXERCISES,
            worked=worked,
            say=lambda line: typer.secho(line, err=True),
        ):
            typer.echo(line)
    except BuildFailed as problem:
        fail(problem)


@app.command()
def check(
    exercise: Annotated[str | None, typer.Argument(help="For example 03-basics; all without it.")] = None,
) -> None:
    """Run a learner's notebook and print how each question went."""
    from mlm.exercises import selfcheck

    raise typer.Exit(selfcheck.check(exercise))


@app.command()
def grade(
    exercise: Annotated[str, typer.Argument(help="For example 03-basics.")],
    submissions: Annotated[Path, typer.Argument(help="Folder of notebooks or zips, or one zip.")],
    out: Annotated[Path, typer.Argument(help="Folder for grades and pages; the same one to go on.")],
    variant: Annotated[
        str | None,
        typer.Option(help="Seed of the data, or 'public'; if not given, a secret one, kept in OUT."),
    ] = None,
    roster: Annotated[Path | None, typer.Option(help="CSV of the class.")] = None,
    jobs: Annotated[int, typer.Option(help="Submissions at a time; -1 for one on each core.")] = -1,
    dask: Annotated[str | None, typer.Option(help="Address of a Dask scheduler, whose workers run.")] = None,
    again: Annotated[list[str] | None, typer.Option(help="Learner or submission to run again.")] = None,
    question: Annotated[
        list[str] | None,
        typer.Option(help="Judge this question by the key as it is now, the others by the last key."),
    ] = None,
    release: Annotated[bool, typer.Option("--release", help="Show the worked answers in feedback.")] = False,
    book: Annotated[str, typer.Option(help="Address of your built book, for links from the pages.")] = "",
    canvas_column: Annotated[str, typer.Option(help="Title of the column for Canvas.")] = "",
    seconds: Annotated[float, typer.Option(min=1, help="Wall time of one submission.")] = 600,
    cell_seconds: Annotated[float, typer.Option(min=1, help="Wall time of one cell.")] = 120,
    memory: Annotated[float, typer.Option(min=0.5, help="Gigabytes that one submission may use.")] = 3,
    processes: Annotated[int, typer.Option(min=8, help="Processes and threads of one submission.")] = 100,
    solutions: Annotated[
        Path | None, typer.Option(help="Folder of solutions of your own, instead of the course's.")
    ] = None,
    inside_container: Annotated[
        bool,
        typer.Option("--inside-container", help="No sandbox: this container was made for one grading only."),
    ] = False,
) -> None:
    """Grade a folder of submissions in a sandbox; run it again to go on where it stopped."""
    from mlm.exercises.builder import SOLUTIONS
    from mlm.grading.model import CannotGrade
    from mlm.grading.report.summary import print_summary
    from mlm.grading.run import Settings, grade_folder
    from mlm.grading.sandbox.host import Limits

    limits = Limits(seconds, cell_seconds, int(memory * 1e9), processes=processes)
    try:
        settings = Settings(
            exercise,
            submissions,
            out,
            **seed_of(variant),
            roster=roster,
            jobs=jobs,
            dask=dask,
            again=tuple(again or ()),
            questions=tuple(question or ()),
            release=release,
            site=book and book.rstrip("/") + "/",
            canvas=canvas_column,
            limits=limits,
            bare=inside_container,
            solutions=solutions or SOLUTIONS,
        )
        graded = grade_folder(settings, say=lambda line: typer.secho(line, err=True))
    except CannotGrade as problem:
        fail(problem)
    except KeyboardInterrupt:
        fail(Exception("Stopped. What was graded is kept: the same command goes on from here."))
    print_summary(graded, exercise, out)
    raise typer.Exit(1 if graded.failed else 0)


def seed_of(variant: str | None) -> dict:
    """The seed as `mlm.grading.run.Settings` takes it."""
    from mlm.exercises.variants import read_variant

    if variant in (None, "public"):
        return {"public": variant == "public"}
    try:
        return {"variant": read_variant(variant)}
    except ValueError as problem:
        raise typer.BadParameter(f"{problem}; or 'public'", param_hint="--variant") from None


@app.command()
def chapter(name: Annotated[str, typer.Argument(help="For example 06-error-structure.")]) -> None:
    """Begin a chapter: write a page and a solution that build and pass."""
    from mlm.chapter import CannotBegin, begin_chapter

    try:
        for line in begin_chapter(name):
            typer.echo(line)
    except CannotBegin as problem:
        fail(problem)


@app.command()
def doctor() -> None:
    """Say whether this machine can run the course, and what to do where it cannot."""
    from mlm.doctor import report

    raise typer.Exit(0 if report() else 1)


if __name__ == "__main__":
    app()
