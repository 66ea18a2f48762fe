"""GRPO: group relative policy optimisation on rewards of the model's own completions."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal

from pydantic import Field

from cotspec.spec.base import Count, Exact, NotNegative, Positive, Share, Whole
from cotspec.spec.payload_parts import RewardedBody, RowKind
from cotspec.spec.trainer import Other, RoutedOn
from cotspec.spec.training import OnPolicy, Sampling
from cotspec.trainers.trainer import REINFORCED, Batch, Devices, Effort, Remark, Trainer, changed


class GrpoTrainer(RoutedOn):
    """Settings of TRL's `GRPOConfig` that are passed on as they are; one that equals its default changes nothing."""

    epsilon_high: Positive | None = None
    """Upper ε of the clipped ratio (clip-higher, Yu et al. 2025, arXiv 2503.14476); default: `clip`."""
    delta: Annotated[float, Field(gt=1.0)] | None = None
    """Largest ratio, also where the advantage is negative (two-sided clipping); default: none."""
    importance_sampling_level: Literal["token", "sequence"] = "token"
    """Whether the ratio is that of each token or of the completion (GSPO, Zheng et al. 2025, arXiv 2507.18071)."""
    off_policy_mask_threshold: NotNegative | None = None
    """Completions with a negative advantage are left out when the policy has moved further from the one that wrote
    them (mean KL per token); default: none."""
    top_entropy_quantile: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Learn only from this share of the tokens, those of the highest entropy (Wang et al. 2025, arXiv 2506.01939)."""
    use_bias_correction_kl: bool = True
    """Multiply the KL term by the ratio, which makes its gradient unbiased."""
    min_p: Share | None = None
    """While sampling, drop tokens less likely than this share of the likeliest one; default: none."""
    repetition_penalty: Positive = 1.0
    """While sampling, above 1 makes tokens that are already there less likely."""
    disable_dropout: bool = False
    """Train without dropout, that of `lora` too."""
    cast_lm_head_to_fp32: bool = False
    """Compute the last layer in 32 bits."""
    vllm_importance_sampling_correction: bool = True
    """Correct for the difference between vLLM's probabilities and the trainer's (with `vllm` only)."""
    vllm_importance_sampling_mode: Literal["token_truncate", "token_mask", "sequence_truncate", "sequence_mask"] = (
        "sequence_mask"
    )
    """Whether a ratio out of bounds is cut off or masked, for a token or its whole completion (with `vllm` only)."""
    vllm_importance_sampling_clip_max: Positive = 3.0
    """Upper bound of that ratio (with `vllm` only)."""
    vllm_importance_sampling_clip_min: Positive | None = None
    """Lower bound of that ratio (with `vllm` only); default: none."""


class Grpo(OnPolicy):
    """Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300)."""

    by: Literal["grpo"]
    """The trainer."""
    global_batch: Count = 16
    """Completions per optimizer step, over all processes (prompts × group)."""
    group: Annotated[int, Field(ge=2), Exact] = 8
    """G: completions per prompt."""
    beta: NotNegative = 0.0
    """Weight of the KL term against the stage's first weights."""
    clip: Positive = 0.2
    """ε of the clipped importance ratio."""
    iterations: Count = 1
    """μ: optimizer passes over each generated batch."""
    loss: Literal["grpo", "dr_grpo", "dapo"] = "dapo"
    """How token losses are averaged (`grpo`: within each completion first; `dapo`: over all tokens of the step;
    `dr_grpo`: by a constant). TRL's `bnpo` is left out: its result depends on how a batch is split over devices."""
    scale_rewards: Literal["group", "batch", "none"] = "group"
    """What advantages are divided by: standard deviation of the group, of the batch, or nothing."""
    mask_truncated: bool = False
    """Leave completions that hit `max_new_tokens` out of the loss."""
    all_failed: Literal["skip", "imitate"] = "skip"
    """What a prompt teaches of whose completions none is right: `imitate` puts the negative log-probability of the
    teacher's trace in the place of their policy loss (SuperRL, Liu et al. 2025, arXiv 2506.01096), averaged as `loss`
    averages; `skip` leaves it to the rewards, and equal ones teach nothing."""
    equal_groups: Literal["count", "skip"] = "count"
    """What a prompt does whose completions all have one reward, and so no advantage: `count` keeps them in the mean of
    the loss and in the KL term, `skip` leaves them out of both."""
    redraws: Whole = 0
    """How many times all completions of such a prompt are drawn anew before that. (DAPO, Yu et al. 2025, arXiv
    2503.14476, draws other prompts in their place: here each row is trained on once an epoch.)"""
    sampling: Sampling = Sampling.model_construct()
    """How completions are drawn (`n` is the group and not set here)."""
    trainer: GrpoTrainer | None = None
    """Further settings of TRL's trainer, passed on as they are."""

    @property
    def samples(self) -> int:
        """Completions for each prompt."""
        return self.group


class GrpoBody(RewardedBody):
    """inputs: rows, model, gate; of each judge judge.<name>, judge.<name>_gate → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("grpo", "segment", "answers", "measures", "rewards")
    kind: Literal["grpo"] = "grpo"
    written: ClassVar = (
        "kind", "start", "format", "optim", "global_batch", "group", "beta", "clip", "iterations", "loss",
        "scale_rewards", "mask_truncated", "max_length", "precision", "lora", "trainer", "sampling", "reward", "keep",
        "seed",
    )  # fmt: skip
    group: int
    beta: float
    clip: float
    iterations: int
    loss: Literal["grpo", "dr_grpo", "dapo"]
    scale_rewards: Literal["group", "batch", "none"]
    mask_truncated: bool
    all_failed: Literal["skip", "imitate"] = "skip"
    equal_groups: Literal["count", "skip"] = "count"
    redraws: int = 0


_RATIO: Final = ("epsilon_high", "delta", "importance_sampling_level", "off_policy_mask_threshold")
"""Settings of TRL that limit the importance ratio."""
_MAX, _MIN = "vllm_importance_sampling_clip_max", "vllm_importance_sampling_clip_min"


class _Grpo(Trainer):
    name = "grpo"
    settings = Grpo
    passed = GrpoTrainer
    body = GrpoBody
    config = "GRPOConfig"
    trl: Mapping[str, str] = MappingProxyType(
        {
            "group": "num_generations",
            "beta": "beta",
            "clip": "epsilon",
            "iterations": "num_iterations",
            "loss": "loss_type",
            "scale_rewards": "scale_rewards",
            "mask_truncated": "mask_truncated_completions",
            "sampling.max_new_tokens": "max_completion_length",
            "sampling.temperature": "temperature",
            "sampling.top_p": "top_p",
            "sampling.top_k": "top_k",
        }
    )
    refused: Mapping[str, Other] = MappingProxyType(
        {
            "generation_batch_size": Other("ours", "cotspec calls it `global_batch`, in `train`", "global_batch"),
            "neftune_noise_alpha": Other(
                "fixed", "leave it out: only sft has it, since grpo would also sample with the noise"
            ),
            "label_smoothing_factor": Other("fixed", "leave it out: only sft has it, since grpo has no labels"),
        }
    )
    rows = "grpo"
    metrics = ("accuracy", "formatted", "tokens", "reward")
    rates = REINFORCED
    needs = frozenset({"reward"})
    reads = frozenset({"reward", "begin", "loss", "judges"})

    def row_kind(self, train: Grpo) -> RowKind:
        """A prompt that may be failed comes with what is imitated then."""
        return "imitate" if train.all_failed == "imitate" else self.rows

    def curves(self, body: GrpoBody) -> tuple[str, ...]:
        """What it may be judged by, and how it learns; without β there is no KL."""
        return (*self.metrics, *(("kl",) if body.beta else ()), "entropy", "groups_without_signal")

    def batch(self, train: Grpo | GrpoBody) -> Batch:
        """Prompts with whole groups of completions; TRL drops what fills no batch."""
        rows = train.global_batch // train.group
        return Batch(rows=rows, unit="completions", of=train.group, whole=True, uses=train.iterations)

    def effort(self, body: GrpoBody, *, vllm: bool) -> Effort:
        """Completions are scored by the reference when there is a KL term, and by the policy that wrote them when they
        serve more than one step or come from another engine."""
        scored = (body.beta > 0) + (body.iterations > 1 or vllm)
        imitated = body.global_batch // body.group if body.all_failed == "imitate" else 0
        return Effort(sequences=body.group, scored=scored, reference=body.beta > 0, demonstrations=imitated)

    def only_order(self, train: Grpo) -> bool:
        """Two advantages divided by their standard deviation are always +0.707 and -0.707."""
        return train.group == 2 and train.scale_rewards == "group"

    def remarks(self, train: Grpo, devices: Devices) -> Iterator[Remark]:
        """Ratios that are always 1, bounds that contradict, settings that nothing reads."""
        if train.iterations == 1:
            yield from _clips(devices)
        if train.equal_groups == "skip" and train.loss == "dr_grpo" and train.beta == 0:
            message = "without an advantage they add nothing, and `loss: dr_grpo` divides by a constant"
            yield Remark("trainer-effect", ("equal_groups",), message, "leave it out", idle=True)
        given = train.trainer
        if given is not None:
            yield from _idle(train, given, devices)
            yield from _conflicts(train, given)
            yield from _bounds(given)
            yield from _split(train, given, devices)


def _clips(devices: Devices) -> Iterator[Remark]:
    for key in (("clip",), *(("trainer", name) for name in _RATIO)):
        # vLLM's own probabilities differ a little, and the mask is of that difference too.
        if key[-1] != "off_policy_mask_threshold" or not devices.vllm:
            message = f"`{key[-1]}` has no effect with `iterations: 1`, where the ratio is always 1"
            yield Remark("clip-effect", key, message, "raise `iterations`, or leave it out", idle=True)


def _idle(train: Grpo, given: GrpoTrainer, devices: Devices) -> Iterator[Remark]:
    for name, why in _unread(train, given, devices):
        if changed(given, name):
            message = f"`{name}` has no effect {why}"
            yield Remark("trainer-effect", ("trainer", name), message, "leave it out", idle=True)


def _unread(train: Grpo, given: GrpoTrainer, devices: Devices) -> Iterator[tuple[str, str]]:
    if train.beta == 0:
        yield "use_bias_correction_kl", "with `beta: 0`, where there is no KL term"
    if train.precision == "fp32":
        yield "cast_lm_head_to_fp32", "in fp32, which is 32 bits already"
    why = "without the correction" if devices.vllm else "where vLLM does not generate"
    if not devices.vllm or not given.vllm_importance_sampling_correction:
        yield from ((f"vllm_importance_sampling_{part}", why) for part in ("mode", "clip_max", "clip_min"))
    if not devices.vllm:
        yield "vllm_importance_sampling_correction", why


def _conflicts(train: Grpo, given: GrpoTrainer) -> Iterator[Remark]:
    upper = train.clip if given.epsilon_high is None else given.epsilon_high
    if upper < train.clip:
        message = f"`epsilon_high` {upper:g} clips closer above than `clip` {train.clip:g} does below"
        yield _conflict("epsilon_high", message, "raise it, or leave it out")
    if given.delta is not None and given.delta <= 1 + upper:
        message = f"`delta` {given.delta:g} is within the clipped range, which ends at {1 + upper:g}"
        yield _conflict("delta", message, f"use more than {1 + upper:g}")
    if given.disable_dropout and train.lora is not None and train.lora.dropout > 0:
        message = f"`disable_dropout` switches off the `dropout: {train.lora.dropout:g}` of `lora`"
        yield _conflict("disable_dropout", message, "leave one of them out")
    if given.importance_sampling_level == "sequence" and train.loss != "grpo":
        message = f"with the ratio of whole completions, `loss: {train.loss}` weights each by its length"
        yield _conflict("importance_sampling_level", message, "use `loss: grpo`, as GSPO does")


def _conflict(name: str, message: str, advice: str) -> Remark:
    return Remark("trainer-conflict", ("trainer", name), message, advice)


def _bounds(given: GrpoTrainer) -> Iterator[Remark]:
    low, high = given.vllm_importance_sampling_clip_min, given.vllm_importance_sampling_clip_max
    if low is not None and low >= high:
        message = f"`{_MIN}` {low:g} is not below `{_MAX}` {high:g}"
        yield Remark("trainer-bounds", ("trainer", _MIN), message, "lower the first, or raise the second")


def _split(train: Grpo, given: GrpoTrainer, devices: Devices) -> Iterator[Remark]:
    """TRL looks for the tokens of high entropy among those that the devices hold at a time."""
    processes = devices.processes
    if given.top_entropy_quantile < 1.0 and processes * devices.per_device_batch < train.global_batch:
        message = (
            f"`top_entropy_quantile` needs all {train.global_batch} completions of a step at once, "
            f"and the devices hold {processes} × {devices.per_device_batch}"
        )
        fits = train.global_batch % processes == 0
        advice = f"use `per_device_batch: {train.global_batch // processes}`" if fits else "use fewer GPUs"
        yield Remark("trainer-split", ("trainer", "top_entropy_quantile"), message, f"{advice}, or leave it out")


GRPO = _Grpo()
