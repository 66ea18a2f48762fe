"""Task `preflight`: whether every model can do what the tasks of a project ask of it, and every Parquet file holds it,
before the first of them runs. `python -m cotspec.runtime.preflight payload.json run.json` asks and leaves no result.

Reads configurations, tokenizers and first rows, never weights, and loads no torch, unless a task asks for GPUs of this
machine. It fails on what is proven; what it cannot reach or does not know it leaves to the task itself, which asks
again before it loads its weights.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from cotspec.builtin.digest import MODELS
from cotspec.cot import model_config
from cotspec.files import plain, regular
from cotspec.hub import fetch
from cotspec.hub.errors import HubError
from cotspec.page.figures import counted
from cotspec.runtime import conversation, data, gpus, local, suite, tracking
from cotspec.runtime.conversation import ConversationError
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task, load
from cotspec.spec.local import GGUF
from cotspec.spec.payload import (
    PASSED,
    PASSED_FILE,
    AskedRef,
    BuiltinModel,
    Demand,
    EndpointModel,
    HubModel,
    PreflightBody,
    Pupil,
)

_MOST_NAMED = 3
"""Askers that a fault names."""


def run(task: Task, _work: Path, result: Path) -> None:
    """Ask every model. Raises TaskError with all that is wrong."""
    if few := gpus.missing(task.root):
        raise TaskError(few)
    body = task.body(PreflightBody)
    for tracker in body.trackers:
        tracking.require(tracker)
    if body.suites and (without := suite.missing(task.root)):
        say(f"{_who(body.suites)} would stop: {without}")
    demands = body.demands
    problems: dict[tuple[str, str], dict[str, None]] = {}
    unasked: set[str] = set()
    for demand, fault in _unserved(task, body):
        problems.setdefault((_name(demand), fault), {}).update(dict.fromkeys(demand.asked))
    for demand in demands:
        if isinstance(demand.model, EndpointModel):
            continue
        try:
            folder = _folder(task, demand)
            pupils = ((_folder(task, pupil), pupil) for pupil in demand.pupils)
            told = (*faults(folder, demand), *(why for own, pupil in pupils for why in _of_pupil(folder, own, pupil)))
        except HubError as error:
            name, here = _name(demand), local.advice("models", _name(demand), task.root)
            if error.silent:
                if name not in unasked:
                    say(f"{name} cannot be asked now ({error}): its tasks ask before they load it; {here}")
                unasked.add(name)
                continue
            told = (f"{error} ({error.advice}; {here})",)
        except TaskError as error:
            told = (str(error),)
        for fault in told:
            problems.setdefault((_name(demand), fault), {}).update(dict.fromkeys(demand.asked))
    data_faults = [fault for table in body.tables for fault in data.first_faults(task.root, table)]
    if data_faults:
        raise TaskError("the data files do not hold what is asked of them:\n  " + "\n  ".join(data_faults))
    if problems:
        lines = [f"{name}: {fault} (asked by {_who(list(asked))})" for (name, fault), asked in problems.items()]
        raise TaskError("the models cannot do what is asked of them:\n  " + "\n  ".join(lines))
    (result / PASSED_FILE).write_text(PASSED, encoding="utf-8")
    asked = counted(len({_name(demand) for demand in demands}), "model")
    say(f"asked {asked} for what {counted(len(demands), 'kind')} of tasks need")


def _unserved(task: Task, body: PreflightBody) -> Iterator[tuple[Demand, str]]:
    """What keeps servers from being asked. Where experiments are left that ask none of them it is said and holds up
    nothing: the tasks that ask stop by themselves."""
    asking = [(demand, demand.model) for demand in body.demands if isinstance(demand.model, EndpointModel)]
    found = [(demand, fault) for demand, model in asking for fault in _served(task, model, demand.tasks)]
    stopped = {name for demand, _ in found for name in demand.experiments}
    if not found or stopped.issuperset(body.experiments):
        yield from found
        return
    from cotspec.runtime.endpoints.places import others_run

    for demand, fault in found:
        say(f"{_name(demand)}: {fault}; {others_run(demand.experiments)}")


def _served(task: Task, model: EndpointModel, asking_it: Sequence[str]) -> Iterator[str]:
    """What keeps a model from being asked that is behind a server; nothing where nobody has to ask it any more."""
    if asking_it and all((task.root / "generated" / "stages" / id / "out").is_dir() for id in asking_it):
        say(f"{model.name} need not be asked: all that it writes is there")
        return
    from cotspec.runtime.endpoints import asking  # here: most projects have none

    try:
        asking.check(task.root, model, task.settings.endpoint)
    except TaskError as error:
        yield str(error)


def faults(folder: Path, demand: Demand) -> Iterator[str]:
    """What a model in a folder cannot do of what is asked."""
    config = plain.json_object(folder / "config.json")
    if not config:
        gguf = f": {GGUF}" if any(folder.glob("*.gguf")) else ""
        yield f"there is no config.json that can be read in {folder}{gguf}"
        return
    if wrong := model_config.excessive(config):
        yield f"no model has so many: `{wrong}` of its config.json"
        return
    try:
        regular.check(folder)
    except OSError as error:
        yield f"{error.filename} cannot be read: {error.strerror}"
        return
    yield from _of_config(config, demand)
    yield from _of_tokenizer(folder, config, demand)


def _of_pupil(folder: Path, own: Path, pupil: Pupil) -> Iterator[str]:
    """What a teacher and its student do not have in common."""
    words = [model_config.vocabulary(plain.json_object(each / "tokenizer.json")) for each in (own, folder)]
    rows = [model_config.embedded(plain.json_object(each / "config.json")) for each in (own, folder)]
    if why := model_config.two_vocabularies(words[0], rows[0], words[1], rows[1]):
        yield f"{why} ({model_config.ONE_FAMILY})"
    if why := model_config.above(pupil.top_k, rows[0]):
        yield why


def _of_config(config: Mapping[str, Any], demand: Demand) -> Iterator[str]:
    names = model_config.layers(config)
    for target in model_config.unmatched(demand.targets, names or ()) if names else ():
        yield f"`lora.targets` names `{target}`, which is no layer of it: {model_config.likely(target, names or ())}"
    most, heads = model_config.positions(config), model_config.heads(config)
    if most and demand.max_new_tokens >= most:
        yield f"`sampling.max_new_tokens` {demand.max_new_tokens} leaves no room for a prompt in its {most} positions"
    if heads and demand.tensor_parallel and heads % demand.tensor_parallel:
        yield f"its {heads} attention heads cannot be split over `tensor_parallel` {demand.tensor_parallel} GPUs"


def _of_tokenizer(folder: Path, config: Mapping[str, Any], demand: Demand) -> Iterator[str]:
    names = {path.name for path in folder.iterdir()}
    if demand.model.chat and not model_config.has_template(plain.json_object(folder / "tokenizer_config.json"), names):
        yield "`chat: true` is set, and its tokenizer has no chat template"
    if "tokenizer.json" not in names:
        if not model_config.has_tokenizer(names):
            yield f"it comes without a tokenizer: {model_config.NO_TOKENIZER}"
        return
    from tokenizers import Tokenizer

    try:
        Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # noqa: BLE001 - the library raises nothing narrower
        yield f"its tokenizer.json cannot be loaded: {error}"
        return
    ids = model_config.ids(model_config.vocabulary(plain.json_object(folder / "tokenizer.json")))
    rows = model_config.embedded(config)
    if rows and ids > rows:
        yield f"its tokenizer has ids up to {ids - 1}, and the model has {rows} vectors"
    if demand.model.chat:
        yield from _of_template(folder, demand.model)


def _of_template(folder: Path, model: AskedRef) -> Iterator[str]:
    """What the chat template does with a first question, as far as it says so itself."""
    settings = plain.json_object(folder / "tokenizer_config.json")
    template = _template(folder, settings)
    if not template:
        return  # none, or several of which the library picks one
    for name in model_config.unread(template, model.template):
        yield f"its chat template does not read `{name}` of `template`"
    try:
        text = _rendered(template, settings, model)
    except ConversationError as error:
        if not error.undefined:  # what the library knows and this does not
            yield f"its chat template {error}"
        return
    if model.system.strip() not in text:
        yield "its chat template leaves `system` out: put it into the prompt instead"
    end = _special(settings).get("eos_token")
    if end and text.endswith(end):
        yield f"its chat template ends a prompt with `{end}`, with which the model ends a text: take it off"


def _rendered(template: str, settings: Mapping[str, Any], model: AskedRef) -> str:
    """A conversation as the library writes it."""
    turns = [{"role": "system", "content": model.system}] if model.system else []
    turns.append({"role": "user", "content": "How many?"})
    return conversation.render(turns, template, {**_special(settings), **model.template})


def _special(settings: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens that tokenizer_config.json names: texts, or objects with one."""
    named = {name: settings[name] for name in settings if name.endswith("_token")}
    told = {name: token.get("content") if isinstance(token, dict) else token for name, token in named.items()}
    return {name: token for name, token in told.items() if isinstance(token, str)}


def _template(folder: Path, settings: Mapping[str, Any]) -> str:
    """The text of the chat template, where there is one."""
    file = folder / "chat_template.jinja"
    template = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else settings.get("chat_template")
    template = template or plain.json_object(folder / "chat_template.json").get("chat_template")
    return template if isinstance(template, str) else ""


def _folder(task: Task, demand: Demand | Pupil) -> Path:
    match demand.model:
        case HubModel():
            own = local.found(task.root, "models", demand.model.id, demand.model.revision)
            return own if own is not None else fetch.about(demand.model.id, demand.model.revision)
        case BuiltinModel():
            return MODELS / demand.model.name
        case _:
            return task.root / demand.path


def _name(demand: Demand) -> str:
    match demand.model:
        case HubModel():
            return demand.model.id
        case BuiltinModel() | EndpointModel():
            return demand.model.name
        case _:
            return demand.path


def _who(asked: Sequence[str]) -> str:
    more = len(asked) - _MOST_NAMED
    return ", ".join(asked[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def main(arguments: Sequence[str]) -> int:
    """Ask, beside the result that is there and that others may be reading; return the exit code."""
    try:
        task = load(*map(Path, arguments))
        local.set_cache(task.root)
        with tempfile.TemporaryDirectory() as folder:
            run(task, Path(folder), Path(folder))
    except TaskError as error:
        print(f"cotspec: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
