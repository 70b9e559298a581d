"""Prompts: versioned texts, filled with typed values only. A published version never changes."""

from llm.prompts.prompt import PromptMissing, load, prompt_of_task, tasks
from llm.prompts.render import Rendered, render

__all__ = ["PromptMissing", "Rendered", "load", "prompt_of_task", "render", "tasks"]
