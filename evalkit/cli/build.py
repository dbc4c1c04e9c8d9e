"""`evalkit build STUDY`."""

from evalkit.cli.study_command import stage_command

command = stage_command("build", "Read, check and link the sources into one row per firm.")
