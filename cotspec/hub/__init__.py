"""The model hub: which commit a revision is, and the files of a commit (`fetch`). The only importer of huggingface_hub,
and only when it is called; knows no spec, lock or task.
"""
