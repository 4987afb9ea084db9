"""A proxy that knows what it carries: Redis protocol, AMQP 0-9-1 and PostgreSQL, cut at single commands.

`rules` says what is done to which command, `conversation` does it to one connection, without any input
or output of its own; `resp`, `amqp` and `postgres` are its three languages. `server` is the process.
"""
