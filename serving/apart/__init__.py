"""Work that holds the interpreter's lock for long, in a process beside the worker's."""
