"""What crosses the bus: messages, subjects, codecs and schemas. Imports nothing else of ours."""
