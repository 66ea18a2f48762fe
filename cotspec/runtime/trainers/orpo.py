"""ORPO on TRL's DPOTrainer, without a reference and with a loss of its own.

TRL's experimental trainer takes the likelihood of the prompt in, and its mean over the tokens of a piece of a batch: a
batch that is split otherwise has another loss. Here, as in the paper, a pair's loss is of its answers alone, and the
step's the mean over its pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cotspec.cot import signal
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.train.trl_bridge import Training
from cotspec.runtime.trainers import dpo
from cotspec.spec.payload import TrainBody

if TYPE_CHECKING:
    from trl import DPOTrainer as DPOTrainerT


class _Orpo(dpo.Dpo):
    def trainer(self, training: Training, encoder: Encoder, data: Sequence[dpo.Pair]) -> DPOTrainerT:
        return _trainer(training, encoder, data)

    def no_signal(self, streak: signal.Streak, body: TrainBody) -> str:  # noqa: ARG002
        return (
            "the gradient was exactly 0: no trained weight reaches the answers (see `lora`), or the numbers are too "
            "small for `precision`"
        )


def _trainer(training: Training, encoder: Encoder, data: Sequence[dpo.Pair]) -> DPOTrainerT:
    import torch
    from torch import Tensor
    from torch.nn.functional import logsigmoid
    from trl import DPOTrainer

    class Trainer(dpo.tokenised(DPOTrainer)):  # type: ignore[misc]  # a class made of TRL's, which is untyped
        def _precompute_ref_logps(self, dataset: Any, *_: Any, **__: Any) -> Any:
            """There is no reference to ask."""
            return dataset

        def _compute_loss(self, model: Any, inputs: Any, _return_outputs: bool) -> Tensor:
            mask = inputs["completion_mask"][:, 1:]
            labels = inputs["input_ids"].masked_fill(inputs["completion_mask"] == 0, -100)
            texts = {name: inputs[name] for name in ("input_ids", "attention_mask")}
            out = model(**texts, labels=labels, use_cache=False, fused_lm_head=True)
            width = mask.size(1)
            better, worse = (out.log_probs[:, -width:].float().sum(1) / mask.sum(1)).chunk(2)
            odds = (better - worse) - (_otherwise(better) - _otherwise(worse))
            self._note(better.detach(), worse.detach())
            entropy = torch.stack([(out.entropy[:, -width:] * mask).sum().detach(), mask.sum()])
            entropy, tokens = self.accelerator.reduce(entropy, reduction="sum").tolist()
            self._metrics["train"]["entropy"].append(entropy / tokens)
            return (-better - self.beta * logsigmoid(odds)).mean()

        def _note(self, better: Tensor, worse: Tensor) -> None:
            """Log what DPO does, of the mean log-probabilities themselves, where there is no reference."""
            better, worse = (self.beta * self.accelerator.gather(each) for each in (better, worse))
            told = {"chosen": better, "rejected": worse, "margins": better - worse}
            told["accuracies"] = (better > worse).float()
            for name, values in told.items():
                self._metrics["train"][f"rewards/{name}"].append(float(values.mean()))

    def _otherwise(log: Tensor) -> Tensor:
        """log(1 - p) of log p; of a certain answer as of one that is nearly so."""
        return (-(log.clamp(max=-1e-6).expm1())).log()

    own = dpo.config(training, precompute_ref_log_probs=True)  # so that no reference is loaded
    return Trainer(ref_model=None, args=own, **dpo.options(training, encoder, data))


ALGORITHM = _Orpo()
