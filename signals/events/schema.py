"""Event: what a clause of a story says happened to a company, and how sure it is."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from operator import attrgetter
from typing import Literal, get_args

Kind = Literal[
    "earnings",
    "guidance",
    "financing",
    "buyback",
    "mna",
    "product_launch",
    "chip_selfdev",
    "capex",
    "regulation",
    "analyst",
    "price_move",
    "index_change",
    "management",
    "legal",
    "partnership",
    "order_supply",
    "macro_policy",
    "export_control",
    "incident",
    "ownership",
]
Certainty = Literal["confirmed", "reported", "rumoured", "opinion", "denied"]
Tense = Literal["past", "present", "future"]
Qualifier = Literal["exact", "about", "at_least", "at_most", "range"]

KINDS: tuple[Kind, ...] = get_args(Kind)
CERTAINTIES: tuple[Certainty, ...] = get_args(Certainty)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that one clause says of one or more companies.

    Attributes
    ----------
    event_id : str
        Stable: a hash of item, sentence, clause, kind and tickers.
    item_id : str
        The story.
    sentence : int
        0-based sentence of the item's text (title first).
    kind : Kind
        One of the 20 kinds.
    subtype : str or None
        A finer name within the kind, where a cue gives one.
    tickers : tuple of str
        The companies it is about; one entry unless polarity and facts are shared.
    related_tickers : tuple of str
        Companies named beside them: counterparties, owners of a product.
    polarity : float
        Good (1) to bad (-1) for holders of `tickers`; 0 neutral.
    certainty : Certainty
        confirmed | reported | rumoured | opinion | denied.
    tense : Tense
        past | present | future.
    magnitude_pct : float or None
        A percentage the clause gives, signed as stated.
    amount, amount_max : float or None
        Money in units of `currency`; `amount_max` for the upper end of a range.
    amount_qualifier : Qualifier or None
        exact | about | at_least | at_most | range.
    currency : str or None
        ISO 4217.
    novelty : float
        1 for a first report, towards 0 for repeats. Set by `signals.events.novelty`.
    is_reaction : bool
        True if the clause reports or explains a price move that already happened: never forward
        news.
    is_background : bool
        True if the clause repeats history.
    negated, hedged : bool
        The clause negates its cue; the clause weakens it (may, could, dürfte, 或).
    source, speaker : str or None
        Who is quoted as reporting; who speaks.
    available_at : datetime
        The item's clock. Never taken from the text.
    rule_id : str
        The cue rule that fired, ``language:kind:name``.
    """

    event_id: str
    item_id: str
    sentence: int
    kind: Kind
    tickers: tuple[str, ...]
    polarity: float
    certainty: Certainty
    available_at: datetime
    rule_id: str
    tense: Tense = "present"
    subtype: str | None = None
    related_tickers: tuple[str, ...] = ()
    magnitude_pct: float | None = None
    amount: float | None = None
    amount_max: float | None = None
    amount_qualifier: Qualifier | None = None
    currency: str | None = None
    novelty: float = 1.0
    is_reaction: bool = False
    is_background: bool = False
    negated: bool = False
    hedged: bool = False
    source: str | None = None
    speaker: str | None = None

    @property
    def is_fresh_forward(self) -> bool:
        """True for what could still move a price: new, not a reaction, not history, not denied."""
        return not (self.is_reaction or self.is_background or self.negated) and (
            self.certainty != "denied" and self.novelty > 0.5
        )

    def placed(self, event_id: str, item_id: str, sentence: int, available_at: datetime) -> Event:
        """Return the event as a sentence of a story tells it; quicker than `replace`."""
        return Event(
            event_id, item_id, sentence, self.kind, self.tickers, self.polarity, self.certainty,
            available_at, *_REST(self),
        )  # fmt: skip

    def as_dict(self) -> dict[str, object]:
        """Return JSON-ready fields: tuples as lists, the instant as ISO 8601 with Z."""
        named = dict(zip(_NAMES, _VALUES(self), strict=True))
        named["tickers"] = list(self.tickers)
        named["related_tickers"] = list(self.related_tickers)
        named["available_at"] = self.available_at.isoformat().replace("+00:00", "Z")
        return named


_NAMES = tuple(field.name for field in fields(Event))
_VALUES = attrgetter(*_NAMES)
_REST = attrgetter(*_NAMES[8:])
