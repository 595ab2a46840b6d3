"""The `millrace` program: commands that hand over to the library."""
