"""`evalkit report STUDY`."""

from evalkit.cli.study_command import stage_command

command = stage_command("report", "Apply disclosure control and write the report.")
