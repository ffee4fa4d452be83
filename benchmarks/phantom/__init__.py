"""Is the phantom honest? Simple scores must fail on it, a network must not, and without lesions all must fail."""
