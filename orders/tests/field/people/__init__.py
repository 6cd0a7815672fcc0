"""What operators and traders met in the admin, on the command line and in files."""
