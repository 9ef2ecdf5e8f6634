"""The ``kadr`` command: one module per group of commands, heavy imports inside them."""


def main() -> None:
    """Run the command line; the entry point of the ``kadr`` script."""
    try:
        from kadr.cli.app import run

        run()
    except KeyboardInterrupt:  # while the commands are being imported
        raise SystemExit(130) from None
