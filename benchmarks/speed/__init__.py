"""How fast cadkit is, beside the usual way of doing the same."""
