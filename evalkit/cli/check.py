"""`evalkit check STUDY`."""

from evalkit.cli.study_command import stage_command

command = stage_command("check", "Ask the checks about design and estimates, as each [[check]] says.")
