"""What earlier runs left in a project, and what lies beside its specs: read here and nowhere else, never written.

What cannot be read is not there: rules, estimates and plans then say what they can without it.
"""
