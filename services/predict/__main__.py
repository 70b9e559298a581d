"""``python -m services.predict``: the predictors as a process of their own."""

from services.kit.process import run_service
from services.predict.service import serve

if __name__ == "__main__":
    run_service("predict", serve)
