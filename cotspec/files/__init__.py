"""Files that a stranger may have put anything into → bytes, lines, JSON, YAML. Every reader of such a file is here.

Specs and prompts, results of earlier runs, what DVC and the build wrote, model folders, data files: whoever sends a
project sends all of them. `regular` opens a file, `plain` reads data out of it. Both raise OSError or ValueError for
what is not believed and never hang; what it means for a command is the caller's to say. Knows nothing of cotspec.
"""
