"""durable-rules as an engine, in a process of its own: it may crash, hang and leak there, and nothing comes of it."""
