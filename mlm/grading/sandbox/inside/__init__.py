"""The trust boundary: all that is imported beside a submission. Nothing here knows a right answer."""
