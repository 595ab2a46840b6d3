"""What a table must satisfy: expectations, their judgement, quarantine, schema drift and leakage."""
