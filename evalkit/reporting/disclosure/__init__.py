"""Which numbers may leave: one file per rule, the tables of a report together, and what was released before.

`profiles` says which rules hold; `counts`, `dominance`, `influence`, `order_statistics`, `regressions` and `rounding` are
the rules; `tables`, `attack` and `suppression` keep hidden cells from being worked out; `ledger` collects the numbers of
one release and `editions` compares them with those of earlier ones; `record` writes down what was decided.
"""
