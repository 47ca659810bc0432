"""What would have happened under other settings: the whole pipeline run again over a recorded window, and the
difference in what people care about.

Called by `mandate whatif`. It reads a history (records of topics) and settings, and gives an answer: a document, a
text, an HTML report. It must never reach a live topic, a network or the hands that page: nothing here imports a client
of anything, and what the processors write stays in memory.
"""
