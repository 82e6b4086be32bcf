"""Where submissions run: made and watched from outside; what runs within lies in `inside`."""
