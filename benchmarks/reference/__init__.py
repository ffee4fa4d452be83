"""Reference values of other statistical software, cadkit's beside them."""
