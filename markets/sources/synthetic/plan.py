"""The plan of all stories of a world, in order, with their price impacts.

Whatever is planned is the same for every size of the edge: only `effect_bp` and the drift of the
impacts know it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from markets.sources.synthetic import roles
from markets.sources.synthetic.draws import Ints
from markets.sources.synthetic.paths import Impact
from markets.sources.synthetic.scene import Draft, Scene
from markets.sources.synthetic.stories import PlannedStory

SHARES: Mapping[str, int] = {
    "fresh": 30,
    "reaction": 20,
    "denial": 7,
    "repeat": 15,
    "background": 10,
    "revision": 2,
}
"""Percent of all stories by role; noise is the rest, and fills up where a role finds no place."""

_VOICES = (("en", ""), ("de", ""), ("zh", "hans"), ("zh", "hant"))
_VOICE_WEIGHTS = (35, 30, 25, 10)


@dataclass(frozen=True, eq=False)
class Plan:
    """What happens in a world.

    Attributes
    ----------
    stories : tuple of PlannedStory
        In order of `available_at`.
    impacts : mapping of str to tuple of Impact
        What the fresh stories do to prices, by ticker.
    attention : mapping of str to ndarray of int64
        Stories effective by ticker and session, shape (n_sessions,).
    """

    stories: tuple[PlannedStory, ...]
    impacts: Mapping[str, tuple[Impact, ...]]
    attention: Mapping[str, Ints]


def plan_stories(scene: Scene, n_stories: int, edge_bp: float) -> Plan:
    """Plan `n_stories` stories.

    Parameters
    ----------
    scene : Scene
        Sessions and moves.
    n_stories : int
        Of all roles together, corrections included.
    edge_bp : float
        Planted drift after a fresh story of polarity 1, basis points.
    """
    counts = {role: n_stories * share // 100 for role, share in SHARES.items()}
    drafts = roles.fresh(scene, counts["fresh"])
    told = tuple(drafts)
    drafts += roles.repeats(scene, told, counts["repeat"])
    drafts += roles.denials(scene, told, counts["denial"])
    drafts += roles.reactions(scene, told, counts["reaction"])
    drafts += roles.background(scene, counts["background"])
    drafts += roles.noise(scene, n_stories - counts["revision"] - len(drafts))
    drafts += roles.revisions(scene, drafts, counts["revision"])
    edge = edge_bp / 10_000.0
    impacts = {
        ticker: tuple(
            Impact(draft.position, draft.gap, draft.polarity * edge)
            for draft in told
            if draft.ticker == ticker
        )
        for ticker in scene.tickers
    }
    return Plan(_numbered(scene, drafts, edge_bp), impacts, scene.counts(drafts))


def _numbered(scene: Scene, drafts: Sequence[Draft], edge_bp: float) -> tuple[PlannedStory, ...]:
    """Put drafts in order of availability; give each an id, a language and a draw for its words."""
    voices = scene.stream("voices").weighted(len(drafts), _VOICE_WEIGHTS).tolist()
    wordings = (scene.stream("wordings").bits(len(drafts)) >> np.uint64(1)).tolist()
    places = sorted(
        range(len(drafts)), key=lambda place: (drafts[place].clocks.available_at, place)
    )
    ids = {place: f"syn-{number:05d}" for number, place in enumerate(places, start=1)}
    stories = []
    for place in places:
        draft = drafts[place]
        # A correction keeps the language and the words of what it corrects.
        speaker = place if draft.replaces is None else draft.replaces
        language, script = _VOICES[voices[speaker]]
        story = PlannedStory(
            item_id=ids[place],
            tickers=(draft.ticker,) if draft.ticker else (),
            published_at=draft.clocks.published_at,
            available_at=draft.clocks.available_at,
            effective_session=scene.sessions[draft.position],
            kind=draft.kind,
            polarity=draft.polarity,
            role=draft.role,
            certainty=draft.certainty,
            language=language,
            effect_bp=_effect_bp(draft, edge_bp),
            wording=wordings[speaker],
            script=script,
            subject=draft.subject,
            first_seen_at=draft.clocks.first_seen_at,
            enriched_at=draft.clocks.enriched_at,
            date_only=draft.clocks.date_only,
            amount_million=draft.facts.amount_million,
            currency=draft.facts.currency,
            magnitude_pct=draft.facts.magnitude_pct,
            reported_session=draft.reported_session,
            original=None if draft.takes_up is None else ids[draft.takes_up],
            revision_of=None if draft.replaces is None else ids[draft.replaces],
        )
        stories.append(story)
    return tuple(stories)


def _effect_bp(draft: Draft, edge_bp: float) -> float:
    """Return what follows a story; a correction moves nothing a second time."""
    return draft.polarity * edge_bp if draft.role == "fresh" and draft.replaces is None else 0.0
