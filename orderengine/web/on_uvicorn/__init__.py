"""uvicorn in daphne's place (`WEB_SERVER=uvicorn`), with the same bounds on what clients may cost."""
