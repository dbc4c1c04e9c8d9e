"""How numbers, dates, names, addresses and firm ids are written: pure functions on columns of text."""
