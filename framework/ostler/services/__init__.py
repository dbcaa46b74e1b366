"""The services, each of them logic that talks to the others through `ostler.services.api`."""
