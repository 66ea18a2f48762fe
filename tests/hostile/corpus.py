"""Specs nobody should have to fear: one attack each, the finding it gets, and the place of that finding.

A spec is `tests/passes/base.yaml` with one text replaced. `»` marks where the finding must be and is taken out. Files
beside the spec have their text here; links, pipes and large files are made by `make`. `secret.txt` lies outside of the
project and holds CANARY.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from data_files import DATA
from makings import (
    BASE,
    CANARY,
    MARK,
    SPEC,
    Case,
    data,
    fifo,
    large,
    link,
    model,
    prompt,
    put,
    regex,
    reward,
    secret,
)
from servers import SERVERS

PATHS = [
    Case(name="absolute prompt", spec=prompt("/etc/passwd"), slug="project-path"),
    Case(name="prompt above the project", spec=prompt("../../secret.txt"), slug="project-path"),
    Case(name="prompt through a folder that is not there", spec=prompt("x/../../../secret.txt"), slug="project-path"),
    Case(name="prompt in the home folder", spec=prompt("~/secret.txt"), slug="project-path"),
    Case(name="prompt of root", spec=prompt("~root/.ssh/id_rsa"), slug="project-path"),
    Case(name="prompt on a drive", spec=prompt("'C:/secret.txt'"), slug="project-path"),
    Case(name="prompt on a share", spec=prompt("//server/share/x"), slug="project-path"),
    Case(name="prompt with backslashes", spec=prompt("'..\\..\\secret.txt'"), slug="project-path"),
    Case(name="prompt with a NUL", spec=prompt('"a\\0b"'), slug="project-path"),
    Case(name="prompt with a line break", spec=prompt('"a\\nb"'), slug="project-path"),
    Case(name="prompt that turns the text round", spec=prompt('"a\\u202Eb"'), slug="project-path"),
    Case(name="prompt in proc", spec=prompt("../../../../../../../../proc/self/environ"), slug="project-path"),
    Case(name="prompt at an address", spec=prompt("'https://example.org/p'"), slug="project-path"),
    Case(name="prompt at a file address", spec=prompt("'file:///etc/passwd'"), slug="project-path"),
    Case(name="prompt is git's configuration", spec=prompt("../.git/config"), slug="project-path"),
    Case(name="prompt is an environment file", spec=prompt("../.env"), slug="project-path", files={".env": CANARY}),
    Case(
        name="prompt is this machine's file",
        spec=prompt("../cotspec.local.yaml"),
        slug="project-path",
        files={"cotspec.local.yaml": "{}\n"},
    ),
    Case(name="prompt is a very long name", spec=prompt("x" * 3000), slug="project-path"),
    Case(name="prompt is a link out", spec=prompt("p"), slug="project-path", make=link("specs/p", secret)),
    Case(
        name="prompt in a linked folder",
        spec=prompt("up/secret.txt"),
        slug="project-path",
        make=link("specs/up", lambda _p, outside: outside),
    ),
    Case(
        name="prompt is a link to nothing outside",
        spec=prompt("p"),
        slug="project-path",
        make=link("specs/p", lambda _p, outside: outside / "nowhere"),
    ),
    Case(
        name="prompt is a device",
        spec=prompt("p"),
        slug="project-path",
        make=link("specs/p", lambda _p, _o: Path("/dev/zero")),
    ),
    Case(
        name="prompt is a link to itself",
        spec=prompt("p"),
        slug="prompt-file",
        make=link("specs/p", lambda project, _o: project / "specs/p"),
    ),
    Case(
        name="prompt is a link into git",
        spec=prompt("p"),
        slug="project-path",
        make=link("specs/p", lambda project, _o: project / ".git/config"),
    ),
    Case(name="prompt is a pipe", spec=prompt("p"), slug="prompt-file", make=fifo("specs/p")),
    Case(name="prompt is a folder", spec=prompt("."), slug="prompt-file"),
    Case(name="prompt is huge", spec=prompt("p"), slug="prompt-file", make=large("specs/p", 2**40)),
    Case(name="absolute model", spec=model("/data/model"), slug="project-path"),
    Case(name="model above the project", spec=model("../../model"), slug="project-path"),
    Case(
        name="model is a link out",
        spec=model("m"),
        slug="project-path",
        make=link("specs/m", lambda _p, outside: outside),
    ),
    Case(name="model is a pipe", spec=model("m"), slug="project-path", make=fifo("specs/m")),
    Case(
        name="model is a device",
        spec=model("m"),
        slug="project-path",
        make=link("specs/m", lambda _p, _o: Path("/dev/zero")),
    ),
    Case(name="data on a store", spec=data("'s3://bucket/x'"), slug="project-path"),
    Case(name="extends an absolute path", spec=f"extends: {MARK}/etc/passwd\n{BASE}", slug="project-path"),
    Case(name="extends a spec outside", spec=f"extends: {MARK}../../secret.yaml\n{BASE}", slug="project-path"),
    Case(
        name="extends a link out",
        spec=f"extends: {MARK}b.yaml\n{BASE}",
        slug="project-path",
        make=link("specs/b.yaml", secret),
    ),
    Case(name="extends a very long name", spec=f"extends: {MARK}{'x' * 300}\n{BASE}", slug="project-path"),
    Case(name="extends a very deep path", spec=f"extends: {MARK}{'x/' * 2500}x\n{BASE}", slug="project-path"),
    Case(name="model of a very long name", spec=model("y" * 256), slug="project-path"),
    Case(name="extends a pipe", spec=f"extends: {MARK}b.yaml\n{BASE}", slug="not-a-file", make=fifo("specs/b.yaml")),
    Case(name="extends a folder", spec=f"extends: {MARK}.\n{BASE}", slug="not-a-file"),
    Case(
        name="extends in a circle",
        spec="extends: b.yaml\n" + BASE,
        slug="extends-cycle",
        files={"specs/b.yaml": f"extends: {MARK}a.yaml\n"},
    ),
    Case(
        name="extended spec names a prompt outside",
        spec="extends: sub/b.yaml\nname: example\n",
        slug="project-path",
        files={"specs/sub/b.yaml": prompt("../../../secret.txt")},
    ),
]

LEVELS = "abcdefghi"
BOMB = "a: &a [1,2,3,4,5,6,7,8,9,0]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{below}'] * 10)}]\n" for below, name in pairwise(LEVELS)
)

YAML = [
    Case(name="alias bomb", spec=BOMB, slug="too-large"),
    Case(name="alias in itself", spec=f"a: &a [{MARK}*a]\n", slug="unknown-alias"),
    Case(name="deep brackets", spec="a: " + "[" * 50 + MARK + "[" * 5000 + "]" * 5050 + "\n", slug="too-deep"),
    Case(name="deep groups", spec="a: " + "{a: " * 49 + "{" + MARK + "a: {a: 1}" + "}" * 50 + "\n", slug="too-deep"),
    Case(
        name="object of a program",
        spec=put("name: example", f"name: {MARK}!!python/object/apply:os.system [touch hacked]"),
        slug="yaml-tag",
    ),
    Case(
        name="module of Python",
        spec=put("name: example", f"name: example\nabout: {MARK}!!python/module:antigravity"),
        slug="yaml-tag",
    ),
    Case(name="merge of a bomb", spec=put("name: example", f"name: example\n{MARK}<<: {{seed: 1}}"), slug="merge-key"),
    Case(
        name="number of a million digits",
        spec=put("name: example", f"name: example\nseed: {MARK}" + "9" * 500_000),
        slug="not-finite",
    ),
    Case(name="number beyond all", spec=put("lr: 1e-4", f"lr: {MARK}1e999999999"), slug="not-finite"),
    Case(name="not a number", spec=put("lr: 1e-4", f"lr: {MARK}.nan"), slug="not-finite"),
    Case(
        name="key of a megabyte",
        spec=put("name: example", f"name: example\n{MARK}" + "k" * 1000 + ": 1"),
        slug="unknown-key",
    ),
    Case(name="huge spec", spec="", slug="file-too-large", make=large(SPEC, 2**40)),
    Case(name="spec is a pipe", spec="", slug="not-a-file", make=fifo(SPEC)),
    Case(name="spec is a folder", spec="", slug="not-a-file", make=lambda p, _o: (p / SPEC).mkdir()),
    Case(
        name="spec is a link out",
        spec="",
        exit=2,
        said="is not in the project",
        make=link(SPEC, lambda _p, outside: outside / "secret.yaml"),
    ),
    Case(
        name="text that moves the cursor",
        spec=put("name: example", f'name: example\nabout: "{MARK}\x1b[2J"'),
        slug="control-character",
    ),
]

VARIANTS = [
    Case(
        name="matrix of millions",
        spec=BASE + f"variants:\n  {MARK}m: {{matrix: {{" + "seed: &n [" + ",".join(map(str, range(1, 60))) + "], "
        "stages.first.train.epochs: *n, stages.second.train.epochs: *n, stages.first.train.warmup_steps: *n}}\n",
        slug="too-many-variants",
    ),
    Case(
        name="matrix of nothing",
        spec=BASE + f"variants: {{m: {{matrix: {{seed: {MARK}{{}}}}}}}}\n",
        slug="wrong-value",
    ),
    Case(
        name="variant that leads out",
        spec=BASE + f"variants: {{m: {{generate.teach.prompt: {MARK}../../secret.txt}}}}\n",
        slug="project-path",
    ),
    Case(
        name="variant with a path in its name",
        spec=BASE + f"variants: {{{MARK}../../x: {{seed: 1}}}}\n",
        slug="wrong-value",
    ),
]

NAMES = [
    Case(name="name with a command", spec=put("name: example", f"name: {MARK}$(touch hacked)"), slug="wrong-value"),
    Case(name="name with backticks", spec=put("name: example", f'name: {MARK}"`touch hacked`"'), slug="wrong-value"),
    Case(name="name with a quote", spec=put("name: example", f'name: {MARK}"a\'b"'), slug="wrong-value"),
    Case(name="name that leads up", spec=put("name: example", f"name: {MARK}../../x"), slug="wrong-value"),
    Case(name="name with a line break", spec=put("name: example", f'name: {MARK}"a\\nb"'), slug="wrong-value"),
    Case(name="name that ends in a line break", spec=put("name: example", f'name: {MARK}"a\\n"'), slug="wrong-value"),
    Case(name="name for DVC to fill in", spec=put("name: example", f"name: {MARK}${{x}}"), slug="wrong-value"),
    Case(name="name of a stage with a slash", spec=put("  first:\n", f"  {MARK}a/b:\n"), slug="wrong-value"),
    Case(
        name="partition with an option",
        spec=BASE + f'  slurm: {{partition: {MARK}"gpu\\n#SBATCH --wrap=evil"}}\n',
        slug="wrong-value",
    ),
    Case(name="memory with a command", spec=BASE + f"  slurm: {{mem: {MARK}64G;ls}}\n", slug="wrong-value"),
    Case(
        name="time that ends in a line break", spec=BASE + f'  slurm: {{time: {MARK}"1:00\\n"}}\n', slug="wrong-value"
    ),
    Case(name="account with a quote", spec=BASE + f'  slurm: {{account: {MARK}"a\'b"}}\n', slug="wrong-value"),
    Case(
        name="name of a measure that is none",
        spec=put("terms: {solved", f"terms: {{{MARK}__class__"),
        slug="wrong-value",
    ),
]

TEMPLATES = {
    "attribute": ("{{ question }} {{ question»__class__ }}", "."),
    "global": ("{{ question }} {{ »cycler }}", ""),
    "range": ("{{ question }} {{ range»(10**9)|list }}", ""),
    "loop": ("{{ question }}{% »for a in question %}{% endfor %}", ""),
    "product": ("{{ question }}\n»{{ 'a' * 10**9 }}", ""),
    "power": ("{{ question }}\n»{{ 9**9**9 }}", ""),
    "macro": ("{{ question }}{% »macro m() %}{{ m() }}{% endmacro %}", ""),
    "filter": ("{{ question }} {{ question|»attr('x') }}", ""),
    "format": ("{{ question }} {{ '%s'|»format(question) }}", ""),
    "include": ("{{ question }}{% »include '/etc/passwd' %}", ""),
    "import": ("{{ question }}{% »import '../../secret.txt' as x %}", ""),
    "deep": ("»" + "{{ " + "(" * 3000 + "question" + ")" * 3000 + " }}", ""),
    "many": ("»" + "{{ question }}" * 1000, ""),
}
PROMPTS = [
    Case(
        name=f"template with {name}",
        spec=prompt("p.jinja").replace(MARK, ""),
        slug="prompt-template",
        files={"specs/p.jinja": text.replace(MARK, MARK + dot)},
    )
    for name, (text, dot) in TEMPLATES.items()
]

EXPRESSIONS = [
    Case(name="power tower", spec=reward(f"{MARK}9**9**9"), slug="reward-expression"),
    Case(name="tower of words", spec=reward(f"words**{MARK}words**words"), slug="reward-undefined"),
    Case(name="long expression", spec=reward('"' + "1+" * 5000 + '1"'), slug="reward-expression"),
    Case(name="deep expression", spec=reward('"' + "(" * 900 + "1" + ")" * 900 + '"'), slug="reward-expression"),
    Case(name="import", spec=reward(f"\"__import__({MARK}'os').system('touch hacked')\""), slug="reward-expression"),
    Case(name="attribute of a measure", spec=reward(f"{MARK}words.__class__"), slug="reward-expression"),
    Case(name="lambda", spec=reward(f"'({MARK}lambda: 1)()'"), slug="reward-expression"),
    Case(name="huge number", spec=reward(MARK + "1" + "0" * 1500), slug="not-finite"),
    Case(
        name="let names that double",
        spec=put(
            "{terms: {solved: {value: 1 if correct else 0}}}",
            "\n      let: {a0: words, "
            + ", ".join(f"a{k}: a{k - 1} + a{k - 1}" for k in range(1, 60))
            + "}\n      terms: {solved: {value: a59}}",
        ),
        slug="",
    ),
]

REGEXES = [
    Case(name="nested repeats", spec=regex("'(a+)+$'")),
    Case(name="alternatives that overlap", spec=regex("'(a|aa)+$'")),
    Case(name="repeat of anything", spec=regex("'(.*)*x'")),
    Case(name="nested counts", spec=regex("'(a»{1,1000}){1,1000}b'"), slug="mask-regex"),
    Case(name="look ahead", spec=regex("'»(?=(a+)+b)x'"), slug="mask-regex"),
    Case(name="look behind", spec=regex("'»(?<!(a+)+b)x'"), slug="mask-regex"),
    Case(name="back-reference", spec=regex("'(a*)»\\1x'"), slug="mask-regex"),
    Case(name="counts that fill the memory", spec=regex("'(?:(?:a»{1000}){1000}){1000}'"), slug="mask-regex"),
    Case(name="classes that fill the memory", spec=regex(f"'»{'(?:[^a]{300}){3}' * 30}'"), slug="mask-regex"),
    Case(
        name="huge alternation",
        spec=regex(f"'{'|'.join(f'w{k:03}' for k in range(100))}x»|y|z'"),
        slug="mask-regex",
    ),
    Case(name="fuzzy match", spec=regex("'(?:foo)»{e<=30}'"), slug="mask-regex"),
    Case(name="half of a character", spec=regex("'a»\\C'"), slug="mask-regex"),
    Case(name="expression of deep groups", spec=regex(f"'{'(' * 200}a{')' * 200}'")),
]

TERMINAL = "\\e[2J\\e]0;x\\a"
SHOWN = [
    Case(
        name="key for the terminal",
        spec=put("name: example", f'name: example\n{MARK}"{TERMINAL}": 1'),
        slug="unknown-key",
    ),
    Case(name="name for the terminal", spec=put("name: example", f'name: {MARK}"{TERMINAL}"'), slug="wrong-value"),
    Case(name="builtin for the terminal", spec=put("tiny-student", f'{MARK}"{TERMINAL}"'), slug="builtin-name"),
    Case(name="path for the terminal", spec=prompt(f'"{TERMINAL}"'), slug="project-path"),
    Case(name="expression for the terminal", spec=reward(f'"{TERMINAL}"'), slug="reward-expression"),
    Case(name="regex for the terminal", spec=regex(f'{MARK}"(?={TERMINAL[:2]}+)+y"'), slug="mask-regex"),
    Case(
        name="hub for the terminal",
        spec=put("{builtin: tiny-student}", f'{{hub: "{TERMINAL}", trust_remote_code: {MARK}true}}'),
        slug="remote-code",
    ),
]

CODE = [
    Case(
        name="a revision that leads out of the hub's cache",
        spec=put("{builtin: tiny-student}", "{hub: a/b, revision: ../../../../../../../../etc/passwd}"),
    ),
    Case(
        name="remote code",
        spec=put("{builtin: tiny-student}", f"{{hub: a/b, trust_remote_code: {MARK}true}}"),
        slug="remote-code",
    ),
    Case(
        name="modules that look like ours",
        spec=BASE,
        files={
            f"{name}.py": "open('hacked', 'w').close()\n"
            for name in ("yaml", "jinja2", "re2", "pydantic", "typer", "sitecustomize", "conftest", "dvc")
        },
    ),
    Case(
        name="hooks of git",
        spec=BASE,
        files={".git/hooks/post-checkout": "touch hacked\n", ".git/config": "[core]\n\tfsmonitor = touch hacked\n"},
    ),
]

PROJECT = [
    Case(
        name="pyproject is a link out",
        spec=BASE,
        exit=2,
        said="leads out of the project",
        make=link("pyproject.toml", secret),
    ),
    Case(name="pyproject is a pipe", spec=BASE, exit=2, said="no regular file", make=fifo("pyproject.toml")),
    Case(
        name="pyproject names specs outside",
        spec=BASE,
        exit=2,
        said="stay in it",
        files={"pyproject.toml": '[tool.cotspec]\nspecs = ["../*.yaml"]\n'},
    ),
    Case(
        name="pyproject names specs through a link",
        spec=BASE,
        exit=2,
        said="nothing matches",
        files={"pyproject.toml": '[tool.cotspec]\nspecs = ["up/*.yaml"]\n'},
        make=link("up", lambda _p, outside: outside),
    ),
    Case(
        name="local file is a link out",
        spec=BASE,
        slug="project-path",
        make=link("cotspec.local.yaml", secret),
    ),
    Case(name="lock is a link out", spec=BASE, slug="lock-file", make=link("cotspec.lock", secret)),
    Case(name="lock is a pipe", spec=BASE, slug="lock-file", make=fifo("cotspec.lock")),
    Case(name="local file is a pipe", spec=BASE, slug="not-a-file", make=fifo("cotspec.local.yaml")),
]

CASES = [*PATHS, *DATA, *YAML, *VARIANTS, *NAMES, *PROMPTS, *EXPRESSIONS, *REGEXES, *SHOWN, *CODE, *SERVERS, *PROJECT]
