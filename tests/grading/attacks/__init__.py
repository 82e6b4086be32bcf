"""The red team: submissions that try to earn, read, break or stop what they should not.

============ ==========================================================================
module       what is attacked
============ ==========================================================================
`scene`      (what an attack is, and how its notebook is made)
`forging`    the check and everything it is made of
`recording`  what carries the answers out
`answering`  the answers and the cells
`values`     the conversion and the comparison of values
`ending`     when a submission ends, and who ends with it
`filling`    memory, disk, processes, output
`reading`    keys, solutions, other submissions, the environment, the network
`escaping`   the walls, the process that forks, the next submission
`documents`  the reading of files
`showing`    whoever reads the results
============ ==========================================================================
"""

from . import (
    answering,
    documents,
    ending,
    escaping,
    filling,
    forging,
    reading,
    recording,
    showing,
    values,
)

MODULES = (forging, recording, answering, values, ending, filling, reading, escaping, documents, showing)
ATTACKS = [attack for module in MODULES for attack in module.ATTACKS]
