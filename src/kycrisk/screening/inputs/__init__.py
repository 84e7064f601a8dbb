"""Signups from outside, many at a time: one module for each way to write them down."""
