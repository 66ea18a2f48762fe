"""Pages for a browser: one file each, whole without script, network or anything beside it.

Knows how a page is written and drawn; not what it tells (`cotspec.runtime.report_page`, `cotspec.views.results_page`).
"""
