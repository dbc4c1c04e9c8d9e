"""Which numbers may leave: one file per rule, the tables of a report together, and what was released before.

`profiles` says which rules hold; `counts`, `dominance`, `order_statistics`, `regressions` and `rounding` are the rules;
`tables`, `attack` and `suppression` keep hidden cells from being worked out; `flow_table` and `count_tables` are the
tables of a report and `hiding` what they leave hidden; `ledger` collects the numbers of one release, `editions`
compares them with those of earlier ones, and `record` writes down what was decided.
"""
