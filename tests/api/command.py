"""The command line in a process of the nursery, with what `kycrisk serve` imports late imported before."""

import sys

import disposable_email_domains  # noqa: F401
import uvicorn.protocols.http.httptools_impl  # noqa: F401

import kycrisk.api.serving
import kycrisk.cli


def main(*arguments):
    sys.argv = ["kycrisk", *arguments]
    kycrisk.cli.main()
