"""Tables in flight: Arrow and pandas types, and tables that come in chunks. It knows no source and no store."""
