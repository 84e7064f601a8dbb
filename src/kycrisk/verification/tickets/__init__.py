"""Ticket systems, interchangeable behind `outside.Tickets`."""
