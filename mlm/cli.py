"""The commands behind ``make``."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


@app.command()
def book(jobs: Annotated[int | None, typer.Option(help="Pages to execute at the same time.")] = None) -> None:
    """Build the site, strictly, into _build/html."""
    from mlm.book import BuildFailed, build

    try:
        build(jobs)
    except BuildFailed as problem:
        typer.secho(f"\n{problem}", fg="red", err=True)
        raise typer.Exit(1) from None


@app.command()
def doctor() -> None:
    """Say whether this machine can run the course, and what to do where it cannot."""
    from mlm.doctor import report

    raise typer.Exit(0 if report() else 1)


if __name__ == "__main__":
    app()
