"""A deterministic simulator of the datamanager.

Whole clusters run in one thread: every thread of every process is a greenlet
that gives way at each step of input or output, and one seeded source of chance
decides who goes on, what fails, who dies and what the power loss takes. A seed
is a history; the same seed is the same history.

- `chance`, `scheduler`, `process`: who goes on, in which time.
- `objects`, `storage`, `store`, `kv`: what a storage and a key-value store may do to
  their users, each a model (shared) and a driver (one per process).
- `profile`, `world`: what one seed is made of, and what befalls everybody in it.
- `history`, `oracle`, `layout`, `audit`: what was wanted, and what must be true, found without
  asking the datamanager.
- `actors`, `trial`: who does what; one seed from beginning to end.
- `campaign`, `shrink`, `__main__`: many seeds, and making a failing one readable.
"""
