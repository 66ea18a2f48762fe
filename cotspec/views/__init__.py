"""What a person is shown of specs and plans: pure functions to values and text. Nothing is read or written."""
