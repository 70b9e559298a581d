"""Predictors: feature rows to proposed intents."""
