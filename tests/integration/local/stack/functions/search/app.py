"""An API that says what it was configured with."""

import os

from fastapi import FastAPI


def create_app():
    app = FastAPI()

    @app.get("/healthz")
    def healthz():
        return {"status": "ok"}

    @app.get("/configuration")
    def configuration(q: str = ""):
        return {"qdrant": os.environ["QDRANT_URL"], "secret": os.environ["SECRET_ARN"], "q": q}

    return app
