"""The permission table: who may publish, read, consume and listen to what. The one place.

Whoever is not named here has no credential; whatever is not listed is refused by the broker.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

from msgspec import Struct

from contracts import subjects
from streams.bus import specs

Account = Literal["CORE", "LLM", "REPLAY", "SYS"]

OPERATORS = ("operator1", "operator2")
"""Two people, two credentials: a reset takes both."""

INTENT_PRINCIPALS: dict[str, tuple[str, ...]] = {
    "predict": ("trend", "mean_revert"),
    "drill": ("drill",),
    "slm": ("slm",),
}
"""Who may propose intents, and for which strategies."""


class Role(Struct, frozen=True, kw_only=True):
    """What one principal may do.

    Attributes:
        publishes: Subjects, wildcards allowed.
        reads: Streams it may read in order through consumers of its own that acknowledge nothing.
        inspects: Streams of which it may ask the state and single messages only.
        consumes: Durable consumers, as (stream, durable): it takes from them and acknowledges.
        listens: Subjects of core subscriptions, besides its own inbox.
        is_provisioner: JetStream's whole API, and nothing else.
    """

    principal: str
    account: Account = "CORE"
    publishes: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    inspects: tuple[str, ...] = ()
    consumes: tuple[tuple[str, str], ...] = ()
    listens: tuple[str, ...] = ()
    is_provisioner: bool = False


def table(
    intent_principals: Mapping[str, Sequence[str]] = INTENT_PRINCIPALS,
    operators: Sequence[str] = OPERATORS,
) -> tuple[Role, ...]:
    """Every role of one installation. Names of principals are unique."""
    intents = tuple(
        specs.intents_stream(name) for name, strategies in intent_principals.items() if strategies
    )
    everything = tuple(spec.name for spec in specs.stream_specs(intent_principals))
    roles = (
        Role(principal="admin", is_provisioner=True),
        _feed(),
        _features(),
        _gate(intents),
        _recorder(everything),
        _viewer(everything),
        *(_proposer(principal, strategies) for principal, strategies in intent_principals.items()),
        *(_operator(name) for name in operators),
        Role(
            principal="replay",
            account="REPLAY",
            publishes=(subjects.ALL_REPLAYS,),
            listens=(subjects.ALL_REPLAYS,),
        ),
        Role(principal="sys", account="SYS", publishes=("$SYS.REQ.>",), listens=("$SYS.>",)),
    )
    names = [role.principal for role in roles]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)}: expected one role for each principal")
    return roles


def service_principals() -> frozenset[str]:
    """Every principal that is no person."""
    return frozenset(role.principal for role in table(operators=()))


def _feed() -> Role:
    return Role(
        principal="feed",
        publishes=(
            subjects.ALL_TRADES,
            subjects.ALL_QUOTES,
            subjects.ALL_BOOKS,
            subjects.CLOCK,
            subjects.ALL_NEWS,
            subjects.dead("feed"),
            subjects.heartbeat("feed"),
        ),
        inspects=(specs.MARKET, specs.NEWS),
    )


def _features() -> Role:
    return Role(
        principal="features",
        publishes=(
            subjects.ALL_FEATURES,
            subjects.ALL_BARS,
            subjects.dead("features"),
            subjects.heartbeat("features"),
        ),
        reads=(specs.MARKET, specs.FEATURES, specs.BARS),
    )


def _gate(intents: tuple[str, ...]) -> Role:
    return Role(
        principal="gate",
        publishes=(
            subjects.ALL_VERDICTS,
            subjects.RISK_STATE,
            subjects.RISK_LIMITS,
            subjects.ALL_BREAKERS,
            subjects.heartbeat("gate"),
            subjects.AUDIT_COMMAND,
            subjects.dead("gate"),
            subjects.dead("intent"),
        ),
        reads=(specs.MARKET, specs.CONTROL, specs.VERDICTS, specs.RISK, specs.ORDERS),
        inspects=intents,
        consumes=tuple((stream, specs.GATE_DURABLE) for stream in intents),
        listens=(subjects.heartbeat("recorder"),),
    )


def _recorder(everything: tuple[str, ...]) -> Role:
    return Role(
        principal="recorder",
        publishes=(subjects.dead("recorder"), subjects.heartbeat("recorder")),
        reads=everything,
    )


def _viewer(everything: tuple[str, ...]) -> Role:
    families = (
        subjects.ALL_TRADES,
        subjects.ALL_QUOTES,
        subjects.ALL_BOOKS,
        subjects.ALL_BARS,
        subjects.CLOCK,
        subjects.ALL_NEWS,
        subjects.ALL_FEATURES,
        subjects.ALL_INTENTS,
        subjects.ALL_VERDICTS,
        subjects.RISK_STATE,
        subjects.RISK_LIMITS,
        subjects.ALL_BREAKERS,
        subjects.ALL_SHADOW_ORDERS,
        subjects.ALL_SHADOW_FILLS,
        subjects.ALL_CONTROL,
        subjects.ALL_AUDIT,
        subjects.ALL_DEAD,
    )
    return Role(principal="viewer", reads=everything, listens=families)


def _proposer(principal: str, strategies: Sequence[str]) -> Role:
    proposed = tuple(subjects.intents_of(strategy) for strategy in strategies)
    if principal == "slm":
        return Role(principal=principal, account="LLM", publishes=proposed)
    if principal == "predict":
        # Its own intents too: after a restart it proposes again only what is not there.
        own = (specs.intents_stream(principal),) if strategies else ()
        return Role(
            principal=principal,
            publishes=(*proposed, subjects.dead(principal), subjects.heartbeat(principal)),
            reads=(specs.FEATURES, specs.BARS, specs.NEWS, specs.RISK, *own),
        )
    return Role(principal=principal, publishes=proposed)


def _operator(name: str) -> Role:
    return Role(
        principal=name,
        publishes=(subjects.controls_of(name),),
        reads=(specs.RISK, specs.AUDIT),
        listens=(subjects.ALL_HEARTBEATS, subjects.AUDIT_COMMAND),
    )
