"""The short way for the request that comes most often: one row as JSON for a compiled model.

`protocol` takes it from uvicorn's parser before an ASGI application is called; `door` lets it in, gathers what came in
one turn of the event loop, predicts it in one run and answers. Whatever is out of the ordinary, also every failure,
goes on to the application as though it had never been here: this way knows only how to succeed.
"""
