"""Making and comparing `cotspec.lock`: which entries there should be (`update`), and their text (`render`)."""
