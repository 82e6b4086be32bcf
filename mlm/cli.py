"""The commands behind ``make``."""

from __future__ import annotations

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
) -> None:
    """Make the exercises and their keys from the solutions."""
    from mlm.exercises.builder import BuildFailed, build_all

    try:
        for line in build_all(check=verify, variant=variant):
            typer.echo(line)
    except BuildFailed as problem:
        fail(problem)


@app.command()
def check(
    exercise: Annotated[str | None, typer.Argument(help="For example 03-basics; all without it.")] = None,
) -> None:
    """Run a learner's notebook and print how each question went."""
    from mlm.exercises import runner

    raise typer.Exit(runner.check(exercise))


@app.command()
def doctor() -> None:
    """Say whether this machine can run the course, and what to do where it cannot."""
    from mlm.doctor import report

    raise typer.Exit(0 if report() else 1)


if __name__ == "__main__":
    app()
