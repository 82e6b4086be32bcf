"""Exercises: data, checks that know the usual wrong answers, and keys that are computed.

A learner meets one name, `Exercise`.  The rest serves authors and the commands behind ``make``:

========== ==================================================================================
module     what it does
========== ==================================================================================
`exercise` `Exercise`: ``data``, ``check``, ``hint``, ``write``; in solutions ``key``, ``rubric``
`variants` the same data set with its groups dealt out anew, for an instructor's private seed
`plain`    a value of the learner -> plain data (what JSON can hold), by strict type
`compare`  plain data + a question's key -> a `Verdict`; knows nothing of learners' objects
`keys`     a solution's ``key`` call -> a key, refused where its catalogue contradicts itself
`stubs`    a worked answer -> its stub, by the syntax tree
`kernels`  runs the cells of a notebook in a process of its own and collects what it recorded
`builder`  ``solutions/NN-slug.md`` -> ``exercises/NN-slug.ipynb`` and ``exercises/keys/NN-slug.json``
`runner`   a learner's notebook -> a table, question by question
========== ==================================================================================
"""

from mlm.exercises.exercise import Exercise

__all__ = ["Exercise"]
