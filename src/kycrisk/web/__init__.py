"""Pages for customers and reviewers, made on the server. They work without JavaScript, except taking pictures."""
