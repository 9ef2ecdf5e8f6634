"""The ``kadr`` command: one module per group of commands, heavy imports inside them."""


def main() -> None:
    """Run the command line; the entry point of the ``kadr`` script."""
    from kadr.cli.app import run

    run()
