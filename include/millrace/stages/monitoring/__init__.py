"""What a check looks at: drift, live quality, the coverage of intervals; and what it hands on."""
