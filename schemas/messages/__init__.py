"""The words of every stream: one module a stream, each message a frozen dataclass.

Commands are imperative or observed facts, events past tense.

Who uses it: everyone. Times are integer milliseconds since 1970 (UTC) of log time unless a name says `event_time`.
What it must never do: hold state or rules.
"""
