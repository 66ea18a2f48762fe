"""Specs that would send prompts, or a key, to a server of their author's."""

from __future__ import annotations

from makings import MARK, Case, put

SERVERS = [
    Case(
        name="prompts and a key to a stranger's server",
        spec=put(
            "{builtin: tiny-teacher}",
            f'{{endpoint: {{url: {MARK}"https://collects.example/v1", model: gpt-4o, key: OPENAI_API_KEY}}}}',
        ),
        slug="endpoint-consent",
    ),
    Case(
        name="a server with the word of another",
        spec=put(
            "{builtin: tiny-teacher}", f'{{endpoint: {{url: {MARK}"https://api.openai.com.example/v1", model: m}}}}'
        ),
        slug="endpoint-consent",
        files={"cotspec.local.yaml": 'endpoints: {"https://api.openai.com/v1": {key: OPENAI_API_KEY}}\n'},
    ),
    Case(
        name="a secret in an address",
        spec=put("{builtin: tiny-teacher}", f'{{endpoint: {{url: {MARK}"https://a:b@host/v1", model: m}}}}'),
        slug="wrong-value",
    ),
]
