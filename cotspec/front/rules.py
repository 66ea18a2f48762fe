"""The rules the front end itself holds a spec to: what `cotspec explain` says about them, not how they are checked."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cotspec.diagnostics.rule import Rule

_FROM_HUB = (
    "$ sed -i 's|base: .*|base: {hub: owner/name, revision: 0123456789abcdef0123456789abcdef01234567}|' specs/a.yaml\n"
    "$ mkdir weights && echo '{}' > weights/config.json\n"
)

_FILE = (
    Rule(
        slug="missing-file",
        claim="A spec that is named exists.",
        why="There is nothing to read. A relative path counts from the folder the command runs in.",
        failing="$ cotspec check specs/b.yaml\n",
        passing="$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="not-a-file",
        claim="A spec is a regular file.",
        why="A folder, a pipe or a device is not read; to build several specs, name each.",
        failing="$ cotspec check specs\n",
        passing="$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="unreadable-file",
        claim="A spec may be read.",
        why="The operating system refused; the finding says why.",
        failing="$ cotspec check specs/$(printf %0300d 1).yaml\n",
        passing="$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="file-too-large",
        claim="A spec has at most one megabyte.",
        why="A spec is written and read by people. Something that large is another file, given by mistake.",
        failing="$ printf '#%01000000d\\n' 1 >> specs/a.yaml\n$ cotspec check specs/a.yaml\n",
        passing="$ printf '#%01000d\\n' 1 >> specs/a.yaml\n$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="not-utf8",
        claim="A spec is UTF-8 text.",
        why="Any other encoding reads differently on another machine, and the same spec must mean the same everywhere.",
        failing="$ printf 'about: caf\\351\\n' >> specs/a.yaml\n$ cotspec check specs/a.yaml\n",
        passing="$ printf 'about: caf\\303\\251\\n' >> specs/a.yaml\n$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="control-character",
        claim="A spec holds no control characters and no exotic line breaks.",
        why="They cannot be seen, and programs disagree on where a line ends, so positions would be wrong.",
        failing="name: a\u2028b\n",
        passing="name: a b\n",
    ),
)

_YAML = (
    Rule(
        slug="empty-file",
        claim="A spec says something.",
        why="The file has no settings, perhaps because all of it is a comment.",
        failing="# cotspec: 2\n",
        passing="cotspec: 2\n",
    ),
    Rule(
        slug="two-documents",
        claim="One file is one spec.",
        why="YAML would start a second document at `---`, and everything after it would be lost.",
        failing="name: a\n---\nname: b\n",
        passing="---\nname: a\n",
    ),
    Rule(
        slug="tab",
        claim="Lines are indented with spaces.",
        why="YAML forbids tabs there, because how far they reach depends on the editor.",
        failing="train:\n\tlr: 1e-5\n",
        passing="train:\n  lr: 1e-5\n",
    ),
    Rule(
        slug="indentation",
        claim="Lines that belong together are indented alike.",
        why="Indentation is what says which setting belongs to which.",
        failing="train:\n    lr: 1e-5\n  epochs: 3\n",
        passing="train:\n    lr: 1e-5\n    epochs: 3\n",
    ),
    Rule(
        slug="unclosed-quote",
        claim="A quote that is opened is closed.",
        why="Everything up to the next quote mark, lines further down, would be one text.",
        failing='name: "a\nseed: 1\n',
        passing='name: "a"\nseed: 1\n',
    ),
    Rule(
        slug="unclosed-bracket",
        claim="A bracket that is opened is closed, and a comma stands between two items.",
        why="The lines below would become part of the list or group.",
        failing="of: [student, structure\nseed: 1\n",
        passing="of: [student, structure]\nseed: 1\n",
    ),
    Rule(
        slug="reserved-character",
        claim="A text that begins with a sign YAML keeps for itself stands in quotes.",
        why="@ and ` may not begin a plain text, and % * & ! | > mean something else there.",
        failing="about: @home\n",
        passing='about: "@home"\n',
    ),
    Rule(
        slug="yaml-syntax",
        claim="A spec is YAML 1.2.",
        why="The line cannot be read as `key: value`, a list item or a comment.",
        failing="about: a: b\n",
        passing='about: "a: b"\n',
    ),
    Rule(
        slug="duplicate-key",
        claim="A key stands once in its group.",
        why="YAML readers keep the last one without a word, so one of the two values would silently count for nothing.",
        failing="seed: 1\nseed: 2\n",
        passing="seed: 2\n",
    ),
    Rule(
        slug="merge-key",
        claim="Settings are not merged with `<<`.",
        why="It is not part of YAML 1.2, and where a value came from would no longer be visible.",
        failing="a: &a {lr: 1e-5}\nb: {<<: *a}\n",
        passing="a: &a {lr: 1e-5}\nb: *a\n",
    ),
    Rule(
        slug="key-not-text",
        claim="Every key is text.",
        why="A number, true, false, null, list or group as a key has no meaning in a spec.",
        failing="1: a\n",
        passing='"1": a\n',
    ),
    Rule(
        slug="key-without-value",
        claim="Every key in braces has a value.",
        why="A comma ends a value there, so that `{a: b, c}` has a key `c`; and a colon wants a space behind it.",
        failing="a: {by:sft}\n",
        passing="a: {by: sft}\n",
    ),
    Rule(
        slug="unquoted-comma",
        claim="An expression with a comma in it is quoted inside braces and brackets.",
        why="A comma ends a value there: `{a: min(b, c)}` is the value `min(b` and a key `c)`.",
        failing="a: {value: min(1, 2)}\n",
        passing='a: {value: "min(1, 2)"}\n',
    ),
    Rule(
        slug="yaml-tag",
        claim="Values carry no YAML tags.",
        why="A tag changes the type of a value behind the reader's back, or asks a program to build an object.",
        failing="seed: !!str 1\n",
        passing='seed: "1"\n',
    ),
    Rule(
        slug="unknown-alias",
        claim="An alias `*name` comes after its anchor `&name`, and not inside it.",
        why="There is nothing it could stand for.",
        failing="a: *b\n",
        passing="b: &b 1\na: *b\n",
    ),
    Rule(
        slug="too-large",
        claim="A spec has at most 10,000 values, counting each use of an alias.",
        why="A few aliases of aliases can stand for billions of values.",
        failing="a: &a [1,2,3,4,5,6,7,8,9,0]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
        "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n",
        passing="a: &a [1,2,3,4,5,6,7,8,9,0]\nb: [*a,*a,*a]\n",
    ),
    Rule(
        slug="too-deep",
        claim="Groups and lists are nested at most 50 deep.",
        why="No setting lies deeper than ten; a spec like that is broken or hostile.",
        failing=f"a: {'[' * 60}{']' * 60}\n",
        passing="a: [[1]]\n",
    ),
    Rule(
        slug="not-finite",
        claim="Numbers are finite.",
        why="Infinity and not-a-number would spread through a loss or a reward without a trace.",
        failing="lr: .inf\n",
        passing="lr: 1e-5\n",
    ),
)

_SHAPE = (
    Rule(
        slug="unknown-key",
        claim="Every key is one the language has at that place.",
        why="A misspelt key that is passed over means training with a default nobody chose.",
        failing="generate: {teach: {by: tutor, over: train, smapling: {n: 1}}}\n",
        passing="generate: {teach: {by: tutor, over: train, sampling: {n: 1}}}\n",
    ),
    Rule(
        slug="missing-key",
        claim="A key without a default is given.",
        why="cotspec does not guess what decides a result.",
        failing="generate: {teach: {by: tutor}}\n",
        passing="generate: {teach: {by: tutor, over: train}}\n",
    ),
    Rule(
        slug="wrong-type",
        claim="A value is of the kind its key wants.",
        why="Nothing is converted: text that looks like a number stays text, as in YAML 1.2.",
        failing="seed: three\n",
        passing="seed: 3\n",
    ),
    Rule(
        slug="wrong-value",
        claim="A value is one of the choices, and within the bounds, of its key.",
        why="It would fail later, after hours of training, or train something that makes no sense.",
        failing="evaluate: {data: test, of: [base], sampling: {top_p: 1.5}}\n",
        passing="evaluate: {data: test, of: [base, second], sampling: {top_p: 0.5}}\n",
    ),
    Rule(
        slug="first-language",
        claim="A spec is written in the second version of the language.",
        why="The first had one teacher, and its failures; now texts are written by whom and over what a spec says. The "
        "finding says for each key what to write. What means the same has the same id, so nothing is computed again.",
        failing="cotspec: 1\n",
        passing="cotspec: 2\n",
    ),
)

_COMPOSED = (
    Rule(
        slug="extends-cycle",
        claim="A chain of specs that extend each other ends, after at most ten files.",
        why="A spec that extends itself has no first value; a long chain nobody can follow.",
        failing="$ echo 'extends: b.yaml' > specs/b.yaml\n$ cotspec check specs/b.yaml\n",
        passing="$ printf 'extends: a.yaml\\nname: b\\n' > specs/b.yaml\n$ cotspec check specs/b.yaml\n",
    ),
    Rule(
        slug="nothing-to-remove",
        claim="`!remove` drops a key that is there: in the spec this one extends, or in the spec a variant changes.",
        why="Elsewhere there is nothing to drop: the key is misspelt, or was dropped already.",
        failing="variants: {plain: {resources.generate: !remove }}\n",
        passing="variants: {plain: {resources.train: !remove }}\n",
    ),
    Rule(
        slug="no-op-change",
        claim="A change in a variant, or in a spec that extends another, changes something.",
        why="It says that something is different where nothing is; mostly the wrong setting was changed.",
        failing="variants: {same: {stages.second.train.group: 4}}\n",
        passing="variants: {more: {stages.second.train.group: 8}}\n",
    ),
    Rule(
        slug="unknown-path",
        claim="A dotted path in a variant leads to a setting of this spec.",
        why="A variant of a misspelt setting would be the spec itself, trained once more under another name.",
        failing="variants: {more: {stages.secnd.train.group: 8}}\n",
        passing="variants: {more: {stages.second.train.group: 8}}\n",
    ),
    Rule(
        slug="unknown-entry",
        claim="A stage, model, data set, text, set or term that a spec changes in the one it extends is there.",
        why="A misspelt name would be that of a new one, which lacks all that the change does not say.",
        failing="$ printf 'extends: a.yaml\\nname: b\\nstages: {secnd: {train: {group: 8}}}\\n' > specs/b.yaml\n"
        "$ cotspec check specs/b.yaml\n",
        passing="$ printf 'extends: a.yaml\\nname: b\\nstages: {second: {train: {group: 8}}}\\n' > specs/b.yaml\n"
        "$ cotspec check specs/b.yaml\n",
    ),
    Rule(
        slug="conflicting-changes",
        claim="A variant changes a setting once.",
        why="Of two changes to one setting, or to a setting and to the group around it, one would silently win.",
        failing="variants: {more: {stages.second.train.group: 8, matrix: {stages.second.train.group: [2, 16]}}}\n",
        passing="variants: {more: {stages.second.train.lr: 1e-4, matrix: {stages.second.train.group: [2, 16]}}}\n",
    ),
    Rule(
        slug="uneven-zip",
        claim="Lists under `zip` have one length.",
        why="Values are taken by place: the longer list would lose its end, or the shorter be filled up with guesses.",
        failing="variants: {w: {zip: {stages.second.train.group: [2, 8], stages.second.train.lr: [1e-4]}}}\n",
        passing="variants: {w: {zip: {stages.second.train.group: [2, 8], stages.second.train.lr: [1e-4, 1e-6]}}}\n",
    ),
    Rule(
        slug="variant-name",
        claim="Every variant has a name of its own, of at most 100 characters.",
        why="The name is made of what was written, and results are found by it.",
        failing="variants: {w: {matrix: {stages.second.train.group: [2, 2]}}}\n",
        passing="variants: {w: {matrix: {stages.second.train.group: [2, 8]}}}\n",
    ),
    Rule(
        slug="too-many-variants",
        claim="A spec has at most 2,000 variants.",
        why="A matrix of a few long lists is soon larger than what anybody can train.",
        failing="variants: {w: {matrix: {seed: &n [1,2,3,4,5,6,7,8,9,10], stages.first.train.epochs: *n, "
        "stages.second.train.epochs: *n, stages.first.train.warmup_steps: *n}}}\n",
        passing="variants: {w: {matrix: {seed: [1, 2, 3]}}}\n",
    ),
)

_FILES_NAMED = (
    Rule(
        slug="project-path",
        claim="A file or folder a spec names lies in the project and is given relative to the spec.",
        why="A path of one machine means nothing on another, and would end up in files that are committed.",
        failing="models: {base: {path: /data/model}}\n",
        passing="models: {base: {path: weights/model}}\n",
    ),
    Rule(
        slug="local-folder",
        claim="A folder that `cotspec.local.yaml` names is there, and holds a model where one is named.",
        why="The file says where this machine keeps models and data sets of the hub, by their ids; a task that is sent "
        "to a folder that is not there cannot start. A model's folder has its config.json, or is a cache of the hub's "
        "client.",
        failing="$ echo 'models: {owner/name: models/gone}' > cotspec.local.yaml\n$ cotspec check specs/a.yaml\n",
        passing="$ mkdir -p models/here && echo '{}' > models/here/config.json\n"
        "$ echo 'models: {owner/name: models/here}' > cotspec.local.yaml\n"
        "$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="local-id",
        claim="An id in `cotspec.local.yaml` is spelt as the specs of the project spell it.",
        why="A place under an id that no spec names is used by none: the model is downloaded, or the server not asked. "
        "It is told where a spec has an id much like it, without a place, that differs in no number. The name that a "
        "spec gives a model is no id: in another spec it is another model's.",
        failing=f"{_FROM_HUB}$ echo 'models: {{owner/nmae: weights}}' > cotspec.local.yaml\n"
        "$ cotspec check specs/a.yaml\n",
        passing=f"{_FROM_HUB}$ echo 'models: {{owner/name: weights}}' > cotspec.local.yaml\n"
        "$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="local-endpoint",
        claim="A server that `cotspec.local.yaml` calls by the name of a model has a `url`.",
        why="A spec that says nothing of the place leaves it to this machine, and nobody else knows it.",
        failing="$ echo 'endpoints: {my-model: {}}' > cotspec.local.yaml\n$ cotspec check specs/a.yaml\n",
        passing="$ echo 'endpoints: {my-model: {url: \"http://localhost:8000/v1\"}}' > cotspec.local.yaml\n"
        "$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="prompt-file",
        claim="A prompt file is there and is UTF-8 text.",
        why="Its text becomes part of what is computed.",
        failing="evaluate: {data: test, of: [base], prompt: nowhere.jinja}\n",
        passing="evaluate: {data: test, of: [base, second]}\n",
    ),
    Rule(
        slug="prompt-template",
        claim="A prompt file inserts `question`, `trace` and texts of the spec by their names, that of a judge also "
        "`response` and `answer`, perhaps under `{% if %}` or through a filter such as `trim`, and uses nothing else "
        "of Jinja.",
        why="Any other name is empty when the prompt is written; and loops, calls, attributes and arithmetic are "
        "programs, which a spec from a stranger must not bring.",
        failing="$ echo '{{ qestion }}' > specs/ask.jinja\n"
        "$ sed -i 's/over: train}/over: train, prompt: ask.jinja}/' specs/a.yaml\n"
        "$ cotspec check specs/a.yaml\n",
        passing="$ echo '{{ question }}' > specs/ask.jinja\n"
        "$ sed -i 's/over: train}/over: train, prompt: ask.jinja}/' specs/a.yaml\n"
        "$ cotspec check specs/a.yaml\n",
    ),
    Rule(
        slug="lock-file",
        claim="`cotspec.lock`, where there is one, is as `cotspec lock` wrote it.",
        why="It says what the specs read. A lock that cannot be read, holds a merge conflict, or in which a commit "
        "is not a commit pins nothing, and nothing is built on a guess.",
        failing="$ echo '{lock: 1, models: {owner/name: {main: v1.0}}}' > cotspec.lock\n$ cotspec check specs/a.yaml\n",
        passing="$ cotspec lock\n$ cotspec check specs/a.yaml\n",
    ),
)

GROUPS: Mapping[str, tuple[Rule, ...]] = MappingProxyType(
    {
        "Files": _FILE,
        "YAML": _YAML,
        "Extends and variants": _COMPOSED,
        "Keys and values": _SHAPE,
        "Files a spec names": _FILES_NAMED,
    }
)
"""By heading, in the order the phases find them."""

RULES: Mapping[str, Rule] = MappingProxyType({rule.slug: rule for group in GROUPS.values() for rule in group})
"""By slug."""

FILE_RULES: tuple[str, ...] = tuple(r.slug for r in (*_FILE, *_YAML) if not r.in_shell)
"""The slugs whose examples are whole files."""
