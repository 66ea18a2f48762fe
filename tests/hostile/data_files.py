"""Data files nobody should have to fear (cases of the corpus)."""

from __future__ import annotations

from makings import Case, data, fifo, large, link, packed, secret

DATA = [
    Case(name="absolute data", spec=data("/etc/passwd"), slug="project-path"),
    Case(name="data is a link out", spec=data("d.jsonl"), slug="project-path", make=link("specs/d.jsonl", secret)),
    Case(name="data is a pipe", spec=data("d.jsonl"), slug="project-path", make=fifo("specs/d.jsonl")),
    Case(name="data is nested", spec=data("d.jsonl"), slug="data-file", files={"specs/d.jsonl": "[" * 100_000}),
    Case(name="data is one endless line", spec=data("d.jsonl"), slug="data-file", make=large("specs/d.jsonl", 2**40)),
    Case(
        name="data has columns that are no names",
        spec=data("d.jsonl"),
        slug="data-file",
        files={"specs/d.jsonl": '{"\\u001b[31m": 1, "\\ud800": 2, "' + "x" * 100_000 + '": 3}'},
    ),
    Case(
        name="data is a number without end",
        spec=data("d.jsonl"),
        slug="data-file",
        files={"specs/d.jsonl": '{"question": "q", "answer": ' + "9" * 5000 + "}"},
    ),
    Case(name="data is a folder of anything", spec=data("."), slug="data-file"),
    Case(
        name="a shard is a link out",
        spec=data("shards"),
        slug="data-file",
        make=link("specs/shards/a.jsonl", secret),
    ),
    Case(name="a shard is a pipe", spec=data("shards"), slug="data-file", make=fifo("specs/shards/a.csv")),
    Case(name="a table is one endless line", spec=data("d.csv"), slug="data-file", make=large("specs/d.csv", 2**40)),
    Case(name="a table is one endless value", spec=data("d.csv.gz"), slug="data-file", make=packed("specs/d.csv.gz")),
    Case(name="a list has no end", spec=data("d.json"), slug="data-file", files={"specs/d.json": "[" + "{}," * 50_000}),
]
