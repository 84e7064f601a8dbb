"""Lists from outside: where they come from, how they are taken in, how they answer."""
