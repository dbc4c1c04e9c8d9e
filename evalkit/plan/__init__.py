"""The plan: what was fixed before outcomes were seen, the log of what happened since, and how runs differ from it."""
