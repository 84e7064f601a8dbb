"""The four procedures, walked by HTTP through a service, a panel, a mail server and a provider that all run here.

`python -m tests.procedures` prints each row of docs/verification-rows.md as it is fulfilled, and fails when one is not.
"""
