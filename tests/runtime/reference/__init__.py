"""What training should do, written again in plain torch from the papers and docs/: AdamW (Loshchilov and Hutter 2019),
GRPO (arXiv 2402.03300), DAPO (2503.14476), Dr. GRPO (2503.20783), LoRA (2106.09685).

Nothing here imports cotspec.runtime, TRL or a trainer of transformers. Rows go through the model one at a time and
without padding, gradients are summed row by row, and the optimizer is written out: what padding, packing, accumulation
and libraries do to a batch is on the other side of the comparison only. Decision 22 lists what is taken as the meaning.
"""
