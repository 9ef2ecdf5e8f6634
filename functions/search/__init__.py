"""Search, videos, status: FastAPI behind Mangum."""
