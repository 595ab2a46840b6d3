"""Users, API keys and stored credentials: their rules, and the record of every change of them.

The service and the command line both work through here. Who is asking, and whether they may, is judged elsewhere.
"""
