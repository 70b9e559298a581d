"""What the repository never says: whose machine, which registry, who helped."""

import re

from tests.tidy.repository import shown, texts

# One letter of each stands in brackets, so that this file does not find itself.
NEVER = (
    r"/w[o]rk/",
    r"/opt/(w[h]eels|p[y]pi)",
    r"/r[o]ot/",
    r"\bp[y]pi\.org\b",
    r"\bpythonh[o]sted\.org\b",
    r"\bregistry\.npmj[s]\.org\b",
    r"\bco-auth[o]red-by\b",
    r"\bassist[a]nt\b",
    r"\bsub-?ag[e]nt\b",
    r"\bchatg[p]t\b",
    r"\bcl[a]ude\b",
    r"\bgenerated (by|with) (an? )?([a]i|[l]lm)\b",
    r"\b[h]elper [A-H]\b",
    r"\b[i]ssue #[0-9]",
)
NEVER_SAID = re.compile("|".join(NEVER), re.IGNORECASE)
SECRETS = re.compile(r"\bS[UOANC][A-Z2-7]{56}\b|-----BEGIN [A-Z ]*PRIVATE KEY")


def test_no_text_is_about_the_machine_or_the_making_of_it():
    wrong = [
        f"{shown(path)}:{number}: {match[0]!r}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if (match := NEVER_SAID.search(line))
    ]
    assert not wrong, "\n".join(wrong)


def test_no_secret_is_written_down():
    wrong = [shown(path) for path, text in texts() if SECRETS.search(text)]
    assert not wrong, f"an nkey seed or private key in {wrong}"
