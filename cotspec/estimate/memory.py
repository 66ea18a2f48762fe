"""What a task holds on each device when it holds most, in bytes by what they are: `held`.

What stays through a training run is there at every moment. The rest comes and goes: when the backward pass begins all
activations are there and gradients only of earlier pieces of the batch; when it ends it is the other way round; and
while the model writes it has a cache in place of both. The largest of these moments counts.
"""

from __future__ import annotations

from cotspec.estimate import hardware
from cotspec.estimate.asked_models import changing, known
from cotspec.estimate.hardware import CPU, Way
from cotspec.estimate.model_size import Model, Shape, adapters
from cotspec.estimate.work import Load, Work, trains
from cotspec.ir.plan import Task
from cotspec.spec.payload import TaughtBody, TrainBody
from cotspec.spec.resources import Strategy
from cotspec.trainers import trainer_of

Held = dict[str, float]


def held(work: Work, task: Task, model: Model, way: Way, load: Load) -> Held:
    """The bytes of a task that trains, or generates with transformers."""
    process = {"process": float(hardware.process(way, trains=trains(task)))}
    if isinstance(task.body, TrainBody):
        stays = _stays(work, task, model, way)
        moments = _moments(task, model, way, load, gradients=stays.pop("gradients"))
        return stays | max(moments, key=lambda moment: sum(moment.values())) | process
    batch = min(load.sequences, task.launch.settings.generate_batch)
    grows = hardware.generating(model, way, batch=batch, length=load.prompt + load.longest)
    return changing(work, task, way) | grows | process


def _stays(work: Work, task: Task, model: Model, way: Way) -> Held:
    """What stays on a device through a training run, and the gradients, which do not."""
    body, settings = task.body, task.launch.settings
    assert isinstance(body, TrainBody)  # noqa: S101 - the caller looked
    effort = trainer_of(body).effort(body, vllm=way.vllm)
    stays = hardware.state(
        whole=model.parameters,
        trained=adapters(model, body.lora) if body.lora.r else model.parameters,
        precision=body.precision,
        strategy=_strategy(task),
        devices=settings.processes,
        gpu=way.device.name != CPU,
        moments=hardware.moments(body.trainer.get("optim")),
    )
    stays["reference"] = 4 * model.parameters if effort.reference and not body.lora.r else 0.0
    asked = work.asked(task)
    if isinstance(body, TaughtBody) and effort.scored > 0 and asked is not None:
        stays["teacher"] = hardware.bytes_of("fp32" if body.follow else body.precision) * asked.parameters
    if way.device.name == CPU:  # mapped from the file they were saved in, for a look at them; all else is still there
        stays["saved weights"] = 0.0 if body.lora.r else 4 * model.parameters
    judges = [judge for judge, _ in known(work, task) if judge]
    stays["judges"] = sum(hardware.bytes_of("fp32") * judge.parameters for judge in judges)
    stays["vLLM"] = settings.vllm_memory * way.device.memory if way.vllm and not settings.vllm_elsewhere else 0.0
    return stays


def _strategy(task: Task) -> Strategy:
    """How processes share the weights: on the CPU each has all of them."""
    return task.launch.strategy if task.launch.settings.gpus else "ddp"


def _moments(task: Task, model: Model, way: Way, load: Load, *, gradients: float) -> list[Held]:
    """What is there beside what stays, at each moment at which it may be most."""
    body, settings = task.body, task.launch.settings
    assert isinstance(body, TrainBody)  # noqa: S101 - the caller looked
    writes = body.drawn is not None
    length = load.prompt + load.longest if writes else load.longest
    if model.shape is None:
        moments = [{"gradients": gradients}]
    else:
        texts = 1 if writes else trainer_of(body).effort(body, vllm=way.vllm).sequences
        tokens = texts * settings.per_device_batch * length
        moments = _learning(task, model.shape, way, tokens=tokens, longest=length, gradients=gradients)
    if body.lora.r and way.device.name == CPU:
        moments.append({"merged weights": 4 * model.parameters})
    if writes and not way.vllm:
        batch = body.global_batch / settings.processes
        written = hardware.generating(model, way, batch=batch, length=length)
        moments.append({"cache": written["cache"], "logits": written["logits"]})
    return moments


def _learning(task: Task, shape: Shape, way: Way, *, tokens: float, longest: float, gradients: float) -> list[Held]:
    """The moments of a forward and a backward pass over `tokens` tokens, the last piece of a batch, in texts of up to
    `longest` tokens."""
    body, settings, gpu = task.body, task.launch.settings, way.device.name != CPU
    assert isinstance(body, TrainBody)  # noqa: S101 - the caller looked
    checkpointing, pieces = settings.gradient_checkpointing, settings.accumulation > 1
    effort = trainer_of(body).effort(body, vllm=way.vllm)
    kept = {
        "activations": hardware.activations(
            shape, tokens=tokens, precision=body.precision, checkpointing=checkpointing
        ),
        "logits": hardware.logits(shape, tokens=tokens, precision=body.precision, head=effort.head, gpu=gpu),
    }
    if effort.demonstrations:
        kept["demonstrations"] = _demonstrations(task, shape, effort.demonstrations, longest)
    earlier = gradients if pieces else 0.0
    # Gradients of embedding and output layer are whole before they are added to each other and to those of earlier
    # pieces.
    outer = 0.0 if body.lora.r else 4.0 * shape.vocab * shape.hidden
    copies = 0.0 if body.lora.r else hardware.cast(shape, body.precision, _strategy(task))
    forward = kept | {"16-bit copies": copies, "gradients": earlier}
    begins = kept | {"16-bit copies": 0.0 if checkpointing else copies, "gradients": earlier + outer}
    ends = {"gradients": gradients + outer * (shape.tied + pieces)}
    return [forward, begins, ends]


def _demonstrations(task: Task, shape: Shape, most: int, longest: float) -> float:
    """Bytes of the demonstrations in a piece of a batch of which all groups failed; TRL shuffles a batch, so that each
    of its completions may be the one that brings its group's."""
    body, settings = task.body, task.launch.settings
    assert isinstance(body, TrainBody)  # noqa: S101 - the caller looked
    tokens = min(settings.per_device_batch, -(-most // settings.processes)) * longest
    kept = hardware.activations(
        shape, tokens=tokens, precision=body.precision, checkpointing=settings.gradient_checkpointing
    )
    return kept + hardware.cross_entropy(shape, tokens=tokens)
