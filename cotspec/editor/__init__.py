"""What an editor is told of a spec while it is typed: findings, completion, meanings, definitions (`cotspec lsp`).

`server` speaks the Language Server Protocol, on pygls; nothing else here knows that protocol. Nothing is listed here:
findings are those of `cotspec check`, keys and their meanings those of `cotspec.spec`, measures those of `cotspec.cot`.
Like a check it runs no code of a spec, asks no network, and reads nothing outside of the project.
"""
