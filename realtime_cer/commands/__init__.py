"""What each command of the command line does; part of the composition root."""
