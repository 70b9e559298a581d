"""Operations: telemetry, authority, decisions on record."""
