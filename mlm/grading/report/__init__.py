"""What comes of it: pages for an instructor and learners, files for other programs, last words."""
