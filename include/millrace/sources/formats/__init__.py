"""The file formats: one reader each, given a local file that has been unpacked and looked at."""
