"""What was claimed becomes points: by the key, and by marks that an instructor gives."""
