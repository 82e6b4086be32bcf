"""What was handed in: found in folders and archives, given to learners, and read; nothing of it is run."""
