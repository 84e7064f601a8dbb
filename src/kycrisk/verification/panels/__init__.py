"""Panels that hold things back, interchangeable behind `outside.Panel`."""
