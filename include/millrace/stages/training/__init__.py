"""What a candidate is, how it is put together and fitted, and which lineage its model carries."""
