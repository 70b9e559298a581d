"""The restart budget's contract. See services/kit/restarts.py."""

from hypothesis import given
from hypothesis import strategies as st

from services.kit.restarts import RestartBudget, RestartPolicy


def test_each_restart_within_the_window_waits_twice_as_long_up_to_the_cap():
    policy = RestartPolicy(restarts_max=5, window_s=60.0, pause_s=0.2, pause_max_s=1.0)
    budget = RestartBudget(policy)

    assert [budget.spend("gate", now_s) for now_s in range(6)] == [0.2, 0.4, 0.8, 1.0, 1.0, None]


def test_a_restart_stops_counting_exactly_at_the_end_of_its_window():
    budget = RestartBudget(RestartPolicy(restarts_max=1, window_s=10.0))
    assert budget.spend("gate", 0.0) is not None

    assert budget.spend("gate", 9.999) is None
    assert budget.spend("gate", 10.0) is not None


def test_services_do_not_spend_each_other_s_budget():
    budget = RestartBudget(RestartPolicy(restarts_max=1))
    assert budget.spend("gate", 0.0) is not None

    assert budget.spend("features", 0.0) is not None
    assert budget.spend("gate", 0.0) is None


def test_a_policy_without_restarts_allows_none():
    assert RestartBudget(RestartPolicy(restarts_max=0)).spend("gate", 0.0) is None


@given(st.lists(st.floats(0.0, 30.0), max_size=60), st.integers(1, 5))
def test_no_window_holds_more_restarts_than_the_policy_allows(gaps_s, restarts_max):
    policy = RestartPolicy(restarts_max=restarts_max, window_s=20.0)
    budget, now_s, granted_s = RestartBudget(policy), 0.0, []
    for gap_s in gaps_s:
        now_s += gap_s
        if budget.spend("gate", now_s) is not None:
            granted_s.append(now_s)

    for start_s in granted_s:
        assert sum(start_s <= other_s < start_s + 20.0 for other_s in granted_s) <= restarts_max
