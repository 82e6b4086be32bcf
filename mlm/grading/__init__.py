"""Grading a folder of submissions: learners' code runs in a sandbox, and is judged outside of it.

==================  ====================================================================================
module              what it does
==================  ====================================================================================
`run`               the whole: `grade_folder`
`submissions`       finds what was handed in (with `archives`, `layouts` and `rosters`)
`notebook`          takes the code cells out of a file that may hold anything
`running`, `watch`  runs many at a time, and shows how far it is
`sandbox`           outside: makes the sandbox, talks to it, believes nothing
`inside`, `shell`   inside: a process that forks for each submission, and what runs the cells in there
`isolation`         inside: what a fork shuts itself off with (with `syscalls`)
`memo`              inside: given cells that would come out the same are run once
`marking`, `store`  what was said becomes points; what is known is kept
`questions`         what was asked, for the pages
`pages`, `exports`  what an instructor and a learner read; what other programs read (with `overview`,
                    `visible`, `tex`)
`marks`             marks of written answers, given by hand
`summary`           the last words of a run
==================  ====================================================================================
"""
