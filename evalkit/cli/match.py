"""`evalkit match STUDY`."""

from evalkit.cli.study_command import stage_command

command = stage_command("match", "Choose the firms that are compared, as [match] says.")
