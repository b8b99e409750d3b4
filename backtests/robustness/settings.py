"""AuditSettings: how hard a run is tried."""

from __future__ import annotations

from pydantic import Field, model_validator

from markets.settings import Settings

PLACEBOS = ("dates", "tickers", "delayed", "led", "learned", "random_trader")


class EventStudySettings(Settings):
    """Windows of the event study, in sessions around the effective one, which is 0."""

    estimation_sessions: int = Field(default=120, ge=20)
    """Sessions behind each market model."""
    fewest_sessions: int = Field(default=60, ge=10)
    """Sessions with a bar among them, below which an event is left out."""
    gap: int = Field(default=5, ge=0)
    """Sessions between the estimation and the window, so that what leaked early stays out of it."""
    first: int = Field(default=-5, le=0)
    """First session of the window that is drawn."""
    last: int = Field(default=10, ge=0)
    """Last session of the window that is drawn."""
    tested_sessions: int = Field(default=3, ge=1)
    """Sessions from the effective open on that are tested."""
    fewest_events: int = Field(default=20, ge=2)
    """Events below which a kind has no study of its own."""

    @model_validator(mode="after")
    def _inside(self) -> EventStudySettings:
        if self.tested_sessions > self.last + 1:
            raise ValueError("the tested sessions must lie within the window")
        if self.fewest_sessions > self.estimation_sessions:
            raise ValueError("fewest_sessions must not exceed estimation_sessions")
        return self


class CombinatorialSettings(Settings):
    """Other parts of the past held out, one choice after the other: how far a ranking spreads."""

    blocks: int = Field(default=10, ge=0, le=20)
    """Blocks of consecutive sessions; a model is fitted for each choice of those it is tested on.
    0 leaves it out."""
    tested: int = Field(default=2, ge=1, le=3)
    """Blocks held out at a time. An embargo lies on both sides of each, so more of them leave
    little to learn from."""

    @model_validator(mode="after")
    def _some_left(self) -> CombinatorialSettings:
        if 0 < self.blocks <= self.tested:
            raise ValueError("some blocks must be left to learn from: tested must be below blocks")
        return self


class AuditSettings(Settings):
    """The statistical half of an audit."""

    placebos: tuple[str, ...] = PLACEBOS
    """Which placebos are run: dates, tickers, delayed, led, learned, random_trader."""
    runs: int = Field(default=99, ge=19, le=100_000)
    """Runs of each other placebo; with 19 the smallest p is 0.05."""
    learned_runs: int = Field(default=39, ge=19, le=100_000)
    """Runs of the placebo that learns again, which costs several times what the others do."""
    seed: int = Field(default=7, ge=0)
    """Seed of all draws: run i of a placebo depends on it and on i alone."""
    level: float = Field(default=0.05, gt=0.0, lt=0.5)
    """p at or below which a finding counts."""
    costs: tuple[float, ...] = (0.0, 1.0, 2.0, 3.0)
    """Multiples of the costs at which the strategy is traded again."""
    delays: tuple[int, ...] = (0, 1, 2, 5)
    """Sessions by which every signal is held back."""
    shifts: tuple[int, ...] = (-10, -5, -3, -2, -1, 0, 1, 2, 3, 5, 10)
    """Sessions by which answers are moved for the profile; negative ones lead."""
    combinatorial: CombinatorialSettings = CombinatorialSettings()
    """Combinatorial purged splits."""
    draws: int = Field(default=2000, ge=200)
    """Resamples of each bootstrap interval."""
    event_study: EventStudySettings = EventStudySettings()
    """Windows of the event study."""

    @model_validator(mode="after")
    def _known(self) -> AuditSettings:
        for name in self.placebos:
            if name not in PLACEBOS:
                raise ValueError(f"no such placebo: {name!r}; one of {', '.join(PLACEBOS)}")
        if 1.0 not in self.costs or 0 not in self.delays:
            raise ValueError("costs must hold 1 and delays 0: what the run itself paid and did")
        if min(self.costs) < 0 or min(self.delays) < 0:
            raise ValueError("costs and delays must not be negative")
        return self
