"""Each field of a training task is in the trainer that was built: read back after a real run on a tiny model."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bodies
import pytest
from conftest import write_lines
from fields import Workshop, settings, value_of

from cotspec.trainers import TRAINERS

torch = pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from fields_of_training import ARRIVES, SCENES, Arrives, Scene, Trained, argument  # noqa: E402 - it needs the builtin models

#: What no spec decides and the libraries would do otherwise, by the trainer's own names.
BOTH = {
    "num_train_epochs": 1,
    "logging_steps": 1,
    "logging_first_step": True,
    "logging_nan_inf_filter": False,
    "save_total_limit": 2,
    "disable_tqdm": True,
    "dataloader_pin_memory": False,
    "ddp_find_unused_parameters": False,
}
ALWAYS = {
    "sft": BOTH
    | {"max_length": None, "dataset_kwargs": {"skip_prepare_dataset": True}, "train_sampling_strategy": "sequential"},
    "grpo": BOTH | {"shuffle_dataset": False},
    "distill": BOTH | {"shuffle_dataset": False},
    "orpo": BOTH | {"max_length": None, "train_sampling_strategy": "sequential", "precompute_ref_log_probs": True},
    "dpo": BOTH | {"max_length": None, "train_sampling_strategy": "sequential"},
}


#: A row as TRL's own trainers take it.
ROWS = {
    "sft": {"prompt": "Ann has", "completion": " 5 apples"},
    "grpo": {"prompt": "Ann has", "completion": " 5 apples"},
    "distill": {"prompt": "Ann has"},
    **{by: {"prompt": "Ann has", "chosen": " 5 apples", "rejected": " 6 apples"} for by in ("dpo", "orpo")},
}


class Trainers:
    """The trainers of all scenes, and those the library builds with its own settings, made when they are asked for."""

    def __init__(self, shop: Workshop, tiny: Path, experts: Path) -> None:
        self._shop, self._models = shop, {"tiny": tiny, "experts": experts}
        self._made: dict[str, Trained] = {}
        long = {"row": 99, "prompt": "Ann has 5 apples. How many?\n" * 9}
        self._rows = {}
        for by, count in {"sft": 24, "distill": 24, "grpo": 6, "dpo": 24, "orpo": 24}.items():
            rows = bodies.ROWS[by](count)
            self._rows[by] = write_lines(shop.root / f"{by}.jsonl", [*rows, rows[0] | long])

    def of(self, name: str) -> Trained:
        if name not in self._made:
            self._made[name] = self._library(name) if name.startswith("library") else self._scene(SCENES[name])
        return self._made[name]

    def _scene(self, scene: Scene) -> Trained:
        """Run the task; the trainer is met where training begins."""
        from transformers import Trainer

        met: list[Any] = []
        train = Trainer.train

        def meet(trainer: Any, *args: Any, **kwargs: Any) -> Any:
            met.append(trainer)
            return train(trainer, *args, **kwargs)

        model = self._models.get(scene.model) or self.of(scene.model).ran.folder / "out/model"  # type: ignore[union-attr]
        inputs = {"rows": self._rows[scene.body.kind], "model": model}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Trainer, "train", meet)
            ran = self._shop.run(scene.body, inputs, **scene.run)
        assert ran.code == 0, ran.err
        (trainer,) = met
        return Trained(trainer=trainer, ran=ran)

    def _library(self, name: str) -> Trained:
        """`library sft lora`: what comes of nothing but a model and rows (and a default LoRA). What cannot be told so
        on a machine without GPU is `declared`."""
        import trl
        from datasets import Dataset
        from peft import LoraConfig
        from transformers import AutoTokenizer

        _, by, *kind = name.split()
        if kind == ["declared"]:
            config = getattr(trl, TRAINERS[by].config)
            known = {field.name: field.default for field in dataclasses.fields(config)}
            return Trained(trainer=SimpleNamespace(args=SimpleNamespace(**known)))
        model = str(self._models["experts" if kind == ["experts"] else "tiny"])
        common: dict[str, Any] = {
            "model": model,
            "processing_class": AutoTokenizer.from_pretrained(model),
            "train_dataset": Dataset.from_list([ROWS[by]] * 8),
            "peft_config": LoraConfig(task_type="CAUSAL_LM") if kind == ["lora"] else None,
        }
        place: dict[str, Any] = {"output_dir": str(self._shop.root / name), "report_to": [], "use_cpu": True}
        name = TRAINERS[by].config
        own = {"grpo": {"reward_funcs": lambda **_: [0.0]}, "distill": {"teacher_model": model}}.get(by, {})
        args = getattr(trl, name)(**place)
        trainer = getattr(trl, name.replace("Config", "Trainer"))(args=args, **own, **common)
        trainer.create_optimizer_and_scheduler(8)
        return Trained(trainer=trainer)


@pytest.fixture(scope="module")
def experts(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a mixture of two experts."""
    from transformers import AutoConfig, MixtralConfig, MixtralForCausalLM

    folder = tmp_path_factory.mktemp("models") / "experts"
    shutil.copytree(tiny_model, folder, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    dense = AutoConfig.from_pretrained(tiny_model)
    same = ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
    same += ("num_key_value_heads", "max_position_embeddings", "bos_token_id", "eos_token_id", "pad_token_id")
    sizes = {name: getattr(dense, name) for name in same}
    torch.manual_seed(0)
    MixtralForCausalLM(MixtralConfig(**sizes, num_local_experts=2)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trainers(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, experts: Path) -> Trainers:
    return Trainers(Workshop(tmp_path_factory.mktemp("training")), tiny_model, experts)


@pytest.mark.parametrize("arrives", ARRIVES, ids=lambda arrives: f"{arrives.name} in {arrives.scene}")
def test_the_field_is_in_the_trainer_that_was_built(arrives: Arrives, trainers: Trainers) -> None:
    scene, (root, _, name) = SCENES[arrives.scene], arrives.name.partition(".")
    want = arrives.want
    if want is None:
        want = value_of(settings(**scene.run) if root == "run" else scene.body, name)
    assert arrives.read(trainers.of(arrives.scene)) == pytest.approx(want)
    other = arrives.other.replace("library", f"library {scene.body.kind}")
    other += " lora" if ".lora." in arrives.name else ""
    assert arrives.read(trainers.of(other)) != pytest.approx(want), f"{other} has it, too"


@pytest.mark.parametrize(("by", "name"), [(by, name) for by, always in ALWAYS.items() for name in always])
def test_what_no_spec_decides_is_not_left_to_the_library(by: str, name: str, trainers: Trainers) -> None:
    read = argument(name)
    assert read(trainers.of(by)) == ALWAYS[by][name]
    assert read(trainers.of(f"library {by} declared")) != ALWAYS[by][name]


def test_the_parts_of_a_reward_are_in_the_log_under_their_names(trainers: Trainers) -> None:
    log = trainers.of("grpo").ran.read("log.jsonl")  # type: ignore[union-attr]
    assert {"reward", "gate/1", "term/odd", "unscorable", "loss", "lr", "grad_norm", "kl"} <= set(log[0])


@pytest.mark.parametrize(
    ("by", "counts"),
    [
        ("sft", {"rows": 25, "rows_used": 24, "rows_too_long": 1, "steps": 4}),
        ("grpo", {"rows": 7, "rows_used": 6, "rows_too_long": 1, "steps": 4}),
        ("distill", {"rows": 25, "rows_used": 24, "rows_too_long": 1, "rows_context_too_long": 0, "steps": 4}),
        ("dpo", {"rows": 25, "rows_used": 24, "rows_too_long": 1, "rows_beyond_last_batch": 0, "steps": 4}),
        ("dpo plain", {"rows": 25, "rows_used": 24, "rows_too_long": 0, "rows_beyond_last_batch": 1, "steps": 6}),
    ],
)
def test_what_became_of_the_rows_is_among_the_metrics(by: str, counts: dict[str, int], trainers: Trainers) -> None:
    metrics = trainers.of(by).ran.read("metrics.json")  # type: ignore[union-attr]
    assert {name: metrics[name] for name in counts} == counts
