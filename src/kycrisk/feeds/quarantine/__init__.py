"""New versions of lists that look like accidents are held until somebody has looked at them."""
