"""One row of a stage, looked at before anything is trained: what is hidden, what the model sees, what carries loss; or
what a model is asked for a text (`asked`).

`make` is the order of things: `stage` finds the stage in a plan, `source` its records, `row` the row, `score` what a
response to it earns; `model` is what is shown, `text` and `json` show it. Every rule is the kernel's: a preview that
made rows of its own would prove nothing. Must not know the runtime or torch.
"""
