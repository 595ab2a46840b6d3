"""What the service is compared with: the floor of the server, and the service that most people would write first."""

import os
from pathlib import Path

ANSWER = b'{"success":true,"prediction":1.0}'
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(ANSWER))]


async def floor(scope, receive, send):
    """Reads the body and answers a constant."""
    if scope["type"] != "http":
        return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": ANSWER})


def plain():
    """FastAPI, pydantic and scikit-learn, without anything else."""
    import pandas as pd
    from fastapi import FastAPI
    from fixture import FIELDS
    from pydantic import create_model

    from millrace.stores.model_format import model_from_bytes

    model = model_from_bytes(Path(os.environ["BENCH_MODEL"]).read_bytes(), "bench")
    row_type = create_model("Row", **dict.fromkeys(FIELDS, (float, ...)))
    app = FastAPI()

    @app.post("/predict")
    def predict(row: row_type) -> dict[str, float]:
        return {"prediction": float(model.predict(pd.DataFrame([row.model_dump()]))[0])}

    return app
