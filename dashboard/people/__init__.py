"""Who works here: people, their roles, and the links by which they come in."""
