"""How each language writes dates, in place of what Django ships (FORMAT_MODULE_PATH)."""
