"""The nouns: frozen records that each stage takes and gives. No statistics here."""
