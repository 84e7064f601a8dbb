"""The client of a kycrisk server: typed, within a deadline, and with a fallback that the caller chooses.

from kycrisk.client import Client

with Client("https://kycrisk.example.net", key, on_failure="review") as client:
    screening = client.screen({"account_id": "a-1", "email": "jane@example.com", "ip": "192.0.2.7"})
"""

from kycrisk.client.async_client import AsyncClient
from kycrisk.client.client import Client
from kycrisk.client.failure import Failure, OnFailure, ScreeningFailed
from kycrisk.client.screening import Reason, Screening
from kycrisk.outcome import Outcome

__all__ = [
    "AsyncClient",
    "Client",
    "Failure",
    "OnFailure",
    "Outcome",
    "Reason",
    "Screening",
    "ScreeningFailed",
]
