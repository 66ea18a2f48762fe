"""What a person may write under `train: trainer:`: settings of TRL's own trainers that are passed on as they are.

Each was read in TRL's source for what it does to *these* trainers: it works on rows that are built ahead, leaves the
result independent of how a batch is split, and survives a resume. Names, types and defaults are TRL's (a test holds
them against `trl_settings.json`); all other settings of TRL, and what to do instead, are in `cotspec.spec.trl_names`.
"""

from typing import Annotated, Final, Literal

from pydantic import Field

from cotspec.spec.base import NotNegative, Part, Positive, Share

#: Optimizers that need nothing but torch and transformers, then those of bitsandbytes (NVIDIA GPUs).
Optimizer = Literal[
    "adamw_torch_fused",
    "adamw_torch",
    "adafactor",
    "sgd",
    "adagrad",
    "rmsprop",
    "adamw_8bit",
    "paged_adamw_8bit",
    "paged_adamw_32bit",
    "lion_8bit",
    "lion_32bit",
]
BITSANDBYTES: Final = ("adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "lion_8bit", "lion_32bit")
Decay = Annotated[float, Field(ge=0.0, lt=1.0)]


class _Trainer(Part):
    optim: Optimizer = "adamw_torch_fused"
    """The optimizer; those with `8bit`, `paged` or `lion` need bitsandbytes and an NVIDIA GPU."""
    adam_beta1: Decay = 0.9
    """Decay of the running mean of the gradients (the Adam and Lion optimizers)."""
    adam_beta2: Decay = 0.999
    """Decay of the running mean of their squares (the Adam and Lion optimizers)."""
    adam_epsilon: Positive = 1e-8
    """Added to the denominator (the Adam optimizers)."""
    router_aux_loss_coef: NotNegative | None = None
    """Weight of the load-balancing loss of a mixture-of-experts model; default: the model's own."""


class SftTrainer(_Trainer):
    """Settings of TRL's `SFTConfig` that are passed on as they are; one that equals its default changes nothing."""

    loss_type: Literal["nll", "dft"] = "nll"
    """`nll` is the mean negative log-likelihood; `dft` weights each token by its own probability
    (Wu et al. 2025, arXiv 2508.05629)."""
    label_smoothing_factor: Decay = 0.0
    """Share of the probability that is spread over all tokens (`loss_type: nll` only)."""
    neftune_noise_alpha: Positive | None = None
    """Strength of the noise on the embeddings (Jain et al. 2023, arXiv 2310.05914); default: none."""


class GrpoTrainer(_Trainer):
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
