"""Exercises: data, checks that know the usual wrong answers, and keys that are computed.

A learner meets one name, `Exercise`.  The rest serves authors and the commands behind ``make``:

=========== ================================================================================
module      what it does
=========== ================================================================================
`exercise`  `Exercise`: ``data``, ``check``, ``hint``, ``write``; in solutions ``key``, ``rubric``
`variants`  a data set with its groups dealt out anew, for an instructor's private seed
`probes`    the calls of a function, at other places in a private variant
`plain`     a learner's value -> plain data (what JSON can hold), by strict type
`form`      whether something is plain data at all: exact types, agreeing lengths, finite numbers
`align`     which number of an answer belongs to which of the key, and how far apart they are
`describe`  what to say of an answer that is not right
`texts`     whether a written answer is a text of one's own
`compare`   plain data and a question's key -> a `Verdict`; knows nothing of learners' objects
`keys`      a solution's ``key`` call -> a question, refused where it contradicts itself
`stubs`     a worked answer -> its stub, by the syntax tree
`notebooks` a solution -> the learner's notebook
`kernels`   runs the cells of a notebook in a process of its own, collects what it recorded
`compiler`  a solution, run -> its key
`builder`   both for every solution; proves that the generated files say what their source says
`runner`    a learner's notebook -> a table, question by question
=========== ================================================================================
"""

from mlm.exercises.exercise import Exercise

__all__ = ["Exercise"]
