"""`evalkit estimate STUDY`."""

from evalkit.cli.study_command import stage_command

command = stage_command("estimate", "Estimate the effects, as each [[estimate]] says.")
