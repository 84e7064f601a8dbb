"""How texts look, whatever they say: scripts, look-alikes, keyboard walks, random letters, the letters of names."""
