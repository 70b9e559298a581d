"""``penstock schema``. See services/cli/schema.py."""

import json

from contracts.catalogue import BY_TAG


def test_a_schema_is_printed_with_and_without_its_version(penstock):
    named, short = penstock("schema", "verdict.v1"), penstock("schema", "verdict")

    assert named.out == short.out
    assert json.loads(named.out)["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_the_list_names_every_message_once(penstock):
    listed = [line.split()[0] for line in penstock("schema").out.splitlines()]

    assert listed == sorted(BY_TAG)
    assert [each["name"] for each in json.loads(penstock("schema", "--json").out)] == listed
