"""What extract, validate, transform and load share: other tables, needed columns, memory, profiles, credentials."""
