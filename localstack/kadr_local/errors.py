"""What can go wrong with the local stack. Messages are shown by the ``kadr`` command as they are."""

from __future__ import annotations

from kadr.core.errors import KadrError


class LocalStackError(KadrError):
    """The local stack cannot do what it was asked."""


class PortTakenError(LocalStackError):
    """Another program listens on a port that the stack needs.

    ``port`` and ``service`` say which; ``owner`` names the program where the system tells.
    """

    def __init__(self, service: str, port: int, owner: str | None) -> None:
        self.service = service
        self.port = port
        self.owner = owner
        who = f"by {owner}" if owner else "by another program (of another user, so its name is not shown)"
        super().__init__(
            f"Port {port}, which {service} needs, is taken {who}. Stop that program, "
            f"or choose another port: KADR_LOCAL_{service.upper()}_PORT={port + 1000} kadr up"
        )


class ServiceError(LocalStackError):
    """A service did not start; the message ends with the last lines of its log."""


class DeployError(LocalStackError):
    """The template could not be deployed; the message names the first resource that failed, and why."""
