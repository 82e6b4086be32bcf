"""Of MathJax, ship what the pages load: the script and the fonts. All of it is two thirds of the site."""

from pathlib import Path


def drop_unused(app, error) -> None:
    """The script loads fonts alone: the book uses no menu, no speech and no extension that autoloads."""
    if error or app.builder.format != "html":
        return
    folder = Path(app.outdir) / "_static" / "mathjax"
    kept = {folder / Path(app.config.mathjax_path).name, folder / "output" / "chtml" / "fonts"}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path in kept or any(parent in kept for parent in path.parents):
            continue
        if path.is_file():
            path.unlink()
        elif not any(path.iterdir()):
            path.rmdir()


def setup(app):
    app.connect("build-finished", drop_unused, priority=900)  # when MathJax is copied
    return {"parallel_read_safe": True, "parallel_write_safe": True}
