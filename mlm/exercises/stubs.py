"""From a worked answer to its stub, by the syntax tree.

Names, signatures, docstrings and imports stay; values become ``...``::

    null_fit = smf.mixedlm("eval ~ 1", ratings, groups="prof").fit()     null_fit = ...
    low, high = np.quantile(draws, [0.25, 0.75])                         low, high = (..., ...)
    ratings["beauty_c"] = ratings["beauty"] - 1                          ratings['beauty_c'] = ...
    with pm.Model() as partial:                                          partial = ...
        alpha = pm.Normal("alpha")                                       alpha = ...
    def weight(n):                                                       def weight(n):
        return n / (n + ratio)                                               return ...

Statements that name nothing (prints, plots, asserts, loops over results) leave no trace but the names that
are assigned inside them.
"""

import ast

ELLIPSIS = ast.Constant(...)


def stub(source: str, blank: set[str] | None = None) -> str:
    """The stub of a worked answer.

    Parameters
    ----------
    source : str
        Code of the answer cell.
    blank : set of str, optional
        Names that earlier stubs of the notebook left as ``...``; those of this one are added.  An
        assignment into one of them, such as ``table["x"] = …``, would raise and is dropped.

    Returns
    -------
    str
        Python code; ``...`` alone where the answer names nothing.
    """
    blank = set() if blank is None else blank
    statements = _stubs(ast.parse(source).body, blank, seen=set())
    return "\n".join(ast.unparse(ast.fix_missing_locations(s)) for s in statements) or "..."


def _stubs(body: list[ast.stmt], blank: set[str], seen: set[str]) -> list[ast.stmt]:
    stubs = []
    for statement in body:
        stubs += _stub_of(statement, blank, seen)
    return stubs


def _stub_of(statement: ast.stmt, blank: set[str], seen: set[str]) -> list[ast.stmt]:
    if isinstance(statement, (ast.Import, ast.ImportFrom)):
        return [statement]
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [_function(statement)]
    if isinstance(statement, ast.ClassDef):
        return [_class(statement)]
    if isinstance(statement, ast.Assign):
        stubs = [_assignment(target, statement.value, blank, seen) for target in statement.targets]
    elif isinstance(statement, ast.AnnAssign):
        stubs = [_assignment(statement.target, statement.value, blank, seen, statement.annotation)]
    elif isinstance(statement, ast.AugAssign):
        stubs = [_assignment(statement.target, statement.value, blank, seen)]
    else:
        stubs = _named_inside(statement, blank, seen)
    return [one for one in stubs if one is not None]


def _assignment(target, value, blank, seen, annotation=None) -> ast.stmt | None:
    """``target = ...``; None where it was there before or would raise on a stub."""
    stored = {ast.unparse(part) for part in _parts(target)}
    read = {node.id for node in ast.walk(target) if isinstance(node, ast.Name)} - stored
    if stored <= seen or read & blank:
        return None
    seen |= stored
    blank |= {part.id for part in _parts(target) if isinstance(part, ast.Name)}
    if annotation is not None:
        return ast.AnnAssign(target, annotation, ELLIPSIS, simple=int(isinstance(target, ast.Name)))
    return ast.Assign([target], _blank_like(target, value))


def _parts(target) -> list[ast.expr]:
    """The single targets of an assignment: names, ``table["x"]``, ``model.y``."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for element in target.elts for part in _parts(element)]
    return _parts(target.value) if isinstance(target, ast.Starred) else [target]


def _blank_like(target, value) -> ast.expr:
    """``...`` in the form of the target; a text of several lines leaves room for another."""
    if isinstance(target, (ast.Tuple, ast.List)):
        return ast.Tuple([_blank_like(element, None) for element in target.elts], ast.Load())
    if isinstance(target, ast.Starred):
        return ELLIPSIS
    if _is_long_text(value):
        return ast.Name('"""\n...\n"""')  # unparse writes a name as it stands, and so keeps the lines
    return ELLIPSIS


def _is_long_text(value) -> bool:
    """Is it a text, or an f-string, of several lines?"""
    parts = value.values if isinstance(value, ast.JoinedStr) else [value]
    texts = [part.value for part in parts if isinstance(part, ast.Constant)]
    return any(isinstance(text, str) and "\n" in text for text in texts)


def _function(statement):
    """Signature and docstring stay; the body returns ``...``, which a check knows for a stub."""
    documented = ast.get_docstring(statement) is not None
    statement.body = ([statement.body[0]] if documented else []) + [ast.Return(ELLIPSIS)]
    return statement


def _class(statement: ast.ClassDef) -> ast.ClassDef:
    documented = ast.get_docstring(statement) is not None
    kept = [statement.body[0]] if documented else []
    statement.body = kept + _stubs(statement.body[documented:], set(), set()) or [ast.Expr(ELLIPSIS)]
    return statement


def _named_inside(statement: ast.stmt, blank, seen) -> list[ast.stmt]:
    """Names that a with, for, while, if or try assigns, one stub each.

    Only names: ``results[i] = ...`` makes no sense outside its loop.
    """
    stubs = []
    for item in getattr(statement, "items", []):
        if item.optional_vars is not None:
            stubs.append(_assignment(item.optional_vars, None, blank, seen))
    blocks = [getattr(statement, "body", [])]
    blocks += [handler.body for handler in getattr(statement, "handlers", [])]
    blocks += [getattr(statement, field, []) for field in ("orelse", "finalbody")]
    for block in blocks:
        stubs += [one for one in _stubs(block, blank, seen) if not _is_into(one)]
    return stubs


def _is_into(statement: ast.stmt) -> bool:
    targets = statement.targets if isinstance(statement, ast.Assign) else []
    return any(isinstance(target, (ast.Attribute, ast.Subscript)) for target in targets)
