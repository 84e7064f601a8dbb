"""An empty FastAPI endpoint, served as `kycrisk serve` is: what everything over HTTP is measured against."""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.get("/")
async def empty() -> dict[str, str]:
    return {}


if __name__ == "__main__":
    uvicorn.run(
        "bench.empty:app", port=int(sys.argv[1]), workers=int(sys.argv[2]), http="httptools", loop="uvloop",
        lifespan="off", log_config=None, access_log=False, server_header=False,
    )  # fmt: skip
