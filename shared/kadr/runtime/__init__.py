"""What a handler stands on: runner, settings, telemetry, wiring."""
