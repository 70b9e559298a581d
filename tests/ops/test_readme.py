"""The README's sample: the demo's own words, and none of this machine's."""

import pytest

from ops.readme import BEGIN, END, MarkersMissing, with_sample

README = f"# Title\n\n{BEGIN}\nold\n{END}\n\nafter\n"


def test_the_transcript_stands_between_the_markers():
    assert with_sample(README, "one\ntwo\n", "/home/me") == (
        f"# Title\n\n{BEGIN}\n```console\n$ make demo\none\ntwo\n```\n{END}\n\nafter\n"
    )


def test_putting_it_twice_is_putting_it_once():
    once = with_sample(README, "one", "/home/me")
    assert with_sample(once, "one", "/home/me") == once


def test_the_home_folder_and_the_terminal_leave_no_trace():
    text = with_sample(README, "\x1b[1mjournal\x1b[0m /home/me/.penstock/runs/x  \n", "/home/me")
    assert "\njournal ~/.penstock/runs/x\n" in text


@pytest.mark.parametrize("readme", ["", BEGIN, END, README + BEGIN])
def test_a_readme_without_its_markers_is_refused(readme):
    with pytest.raises(MarkersMissing, match="exactly one"):
        with_sample(readme, "one", "/home/me")


def test_most_of_the_progress_is_left_out_and_says_so():
    progress = [f"10:2{number}:00  {number}0%  ticks {number}" for number in range(6)]
    transcript = "\n".join([*progress[:4], "breaker opens", *progress[4:], "done"])
    sample = (
        with_sample(README, transcript, "/home/me").split("$ make demo\n")[1].split("\n```", maxsplit=1)[0]
    )
    assert sample.splitlines() == ["...", progress[1], "...", "breaker opens", "...", progress[5], "done"]
