"""Grading a folder of submissions: learners' code runs in a sandbox, and is judged outside of it.

==================  ====================================================================================
room                what it does
==================  ====================================================================================
`run`               the whole: `grade_folder`
`model`, `store`    what the rooms hand to each other; what is known is kept
`collect`           `submissions` finds what was handed in (with `archives`, `platforms` and `rosters`);
                    `reader` takes the code cells out of a file that may hold anything
`sandbox`           outside: `host` makes the sandbox, talks to it, believes nothing; `pool` runs many at a
                    time, and `progress` shows how far it is
`sandbox.inside`    inside: `server` forks for each submission, and `shell` runs the cells in there;
                    `isolation` is what a fork shuts itself off with (with `syscalls`); `given_cells` runs
                    those once that would come out the same
`judge`             `judging` turns what was said into points; `handmarks` reads marks of written answers,
                    given by hand; `questions` tells what was asked
`report`            what an instructor and a learner read (`pages`, with `overview`, `visible`, `markdown`
                    and `tex`), what other programs read (`exports`), the last words of a run (`summary`)
==================  ====================================================================================

Which room may import from which: `tests/grading/test_rooms.py`, which holds `inside` apart from all answers.
"""
