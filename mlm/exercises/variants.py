"""The same data set, with its groups dealt out anew from an instructor's private seed."""

import os
import zlib

import numpy as np
import pandas as pd

#: Environment variable that names a private variant.
VARIANT = "MLM_VARIANT"


def read_variant(variant: int | str | None) -> int | None:
    """The seed of a private variant: the argument, else the environment's, else None (public).

    Raises
    ------
    ValueError
        If it is not a whole number, 0 or more.
    """
    given = os.environ.get(VARIANT) or None if variant is None else variant
    if given is None:
        return None
    if isinstance(given, bool) or not str(given).strip().isdigit():
        raise ValueError(
            f"a variant is a whole number, 0 or more, such as 7; found {given!r} (see {VARIANT})"
        )
    return int(given)


def vary_groups(frame: pd.DataFrame, by: str, *, seed: int, salt: str) -> pd.DataFrame:
    """Deal the rows of groups out anew: each label receives those of another group.

    Groups are drawn with replacement.  No label draws its own, so that no statistic of a single group
    stays what it was by chance; and at least one group is drawn twice, or else a statistic of all groups
    would stay.  (Of two groups each receives the other.)  Labels keep their order and their dtype.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each observation.
    by : str
        Column of the group labels.
    seed : int
        The private seed.
    salt : str
        Name of the exercise and the data set, so that one seed deals each data set differently.

    Returns
    -------
    pandas.DataFrame
        Same columns and dtypes, rows numbered from 0.

    Raises
    ------
    KeyError
        If there is no such column.
    ValueError
        If the column has missing labels or fewer than two groups.
    """
    if by not in frame.columns:
        raise KeyError(f"vary={by!r} is no column of this data set; it has {', '.join(frame.columns)}")
    codes, labels = pd.factorize(frame[by])
    n_groups = len(labels)
    if n_groups < 2 or (codes < 0).any():
        raise ValueError(
            f"vary={by!r} needs two groups or more and no missing label; found {n_groups} groups"
        )
    rng = np.random.default_rng([seed, zlib.crc32(salt.encode())])
    drawn = _draw(rng, n_groups)
    while n_groups > 2 and len(set(drawn)) == n_groups:
        drawn = _draw(rng, n_groups)
    rows = [np.flatnonzero(codes == group) for group in drawn]
    varied = frame.take(np.concatenate(rows)).reset_index(drop=True)
    sizes = [len(group) for group in rows]
    varied[by] = pd.Series(labels.take(np.repeat(np.arange(n_groups), sizes))).astype(frame[by].dtype)
    return varied


def _draw(rng: np.random.Generator, n_groups: int) -> np.ndarray:
    """For each group the one whose rows it receives: 1 … n - 1 places on, never itself."""
    return (np.arange(n_groups) + rng.integers(1, n_groups, n_groups)) % n_groups
