"""tuspyserver under uvicorn, as its own page shows it: python tuspy.py PORT FOLDER"""

import sys

import uvicorn
from fastapi import FastAPI
from tuspyserver import create_tus_router

port, folder = sys.argv[1:]
app = FastAPI()
app.include_router(create_tus_router(prefix="files", files_dir=folder))
uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="error", access_log=False)
