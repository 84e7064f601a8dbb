"""The sources outside the house, one file each: what they can be asked, by which key, and what that sends and costs."""
