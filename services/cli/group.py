"""The group of commands: says what would work where a command does not exist."""

import click

from services.cli.trouble import Unknown


class Group(click.Group):
    """A group whose commands are listed in the order in which people need them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is named. Raises Unknown."""
        name = click.utils.make_str(args[0])
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            raise Unknown("command", name, self.list_commands(ctx))
        return super().resolve_command(ctx, args)
