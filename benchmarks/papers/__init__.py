"""What the papers claim of their models, on data that is at hand."""
