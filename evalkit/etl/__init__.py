"""Build: award records and firm data into one row per firm, every row counted."""
