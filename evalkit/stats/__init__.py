"""Pure array functions in paper notation; shapes stand in the docstrings."""
