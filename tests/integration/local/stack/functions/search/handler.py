"""The same API as a function."""

from mangum import Mangum

from functions.search.app import create_app

handler = Mangum(create_app(), lifespan="off")
