"""What goes out by itself: decisions to webhooks, and what recurs."""
