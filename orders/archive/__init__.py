"""Moves ended orders of past months, with all that hangs on them, into files, and reads them there."""
