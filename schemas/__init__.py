"""What is said: identifiers, messages, their Avro schemas, the codec, and the map of topics.

Who calls it: every other floor. What it reads: the `.avsc` files beside it and `topology.yaml`, once, at start-up.
What it must never do: decide anything, read a clock, draw a random number, or know Kafka, Postgres or HTTP.
"""
