"""The contenders of the dedup job: other libraries' programs, what installs them, and how each is started.

Who calls it: `bench.dedup` (the section `peers`). The programs run outside Mandate: Kafka Streams in a JVM, built here
by Maven, Quix Streams and Faust each in a virtualenv of its own below .mandate/cache/peers, from the hashes of the .txt
files beside this one (`make lock` makes them from the .in files). Nothing of Mandate imports them, and they import
nothing of it.
"""
