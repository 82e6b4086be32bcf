"""Exercises: data, checks that know the usual wrong answers, and keys that are computed.

A learner meets one name, `Exercise`.  The rest serves authors and the commands behind ``make``:

============ ============================================================================="""

from mlm.exercises.exercise import Exercise

__all__ = ["Exercise"]
