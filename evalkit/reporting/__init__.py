"""Release and report: disclosure control, tables, figures, sections, words."""
