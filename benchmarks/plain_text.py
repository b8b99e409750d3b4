"""What the placebos say of a plain text baseline, on the real stories.

Run: NEWSWAKE_SHARED=… python -m benchmarks.plain_text [CONFIG]. Characters of titles by TF-IDF, a
logistic regression refitted for each test window on outcomes that were known before it: what
anybody would try first, without embargo, calibration or features. Its answers take the place of
the run's, and are set against the placebos that move stories: p is the share of those that rank as
well, the hardest of the four counts.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from backtests.config import load_config
from backtests.inputs import load_inputs
from backtests.journal import Journal
from backtests.metrics.inference import newey_west_t
from backtests.robustness.ground import ground_of
from backtests.robustness.placebo import dates, delayed, led, p_value, tickers
from backtests.run import Learned, learn
from signals import pipeline

CONFIG = Path(__file__).resolve().parents[1] / "configs" / "hk_tech_real.toml"
HORIZONS = (1, 3, 5)
GRAMS = ((1, 2), (2, 4))
MOVES = {"dates": dates, "tickers": tickers, "delayed": delayed, "led": led}
RUNS, SEED = 99, 7


def answers_of(learned: Learned, grams: tuple[int, int]) -> pd.Series:
    """Return a probability for each row that the run answered, by characters of titles alone."""
    answered = learned.predictions.values
    texts = learned.features.texts
    labels = learned.labels.values.reindex(texts.index)
    sessions = learned.features.sessions
    found = answered["probability"].copy()
    for fold in answered["fold"].unique():
        rows = answered.index[answered["fold"] == fold]
        known = labels["target"].notna() & (labels["t1"] < sessions.reindex(rows).min())
        counts = TfidfVectorizer(analyzer="char", ngram_range=grams, min_df=3, sublinear_tf=True)
        model = LogisticRegression(max_iter=500)
        model.fit(counts.fit_transform(texts[known]), labels["target"][known].astype(int))
        found.loc[rows] = model.predict_proba(counts.transform(texts.loc[rows]))[:, 1]
    return found


def main(path: Path) -> int:
    print("sessions  characters  rank IC    its t  " + "  ".join(f"p {name:<7}" for name in MOVES))
    for horizon in HORIZONS:
        sets = [f"label.horizon={horizon}", "news.columns.body=[]"]
        config = load_config(path, sets, environment=os.environ).config
        inputs = load_inputs(config)
        learned = learn(config, inputs, Journal(), baselines=False)
        for grams in GRAMS:
            values = learned.predictions.values.assign(probability=answers_of(learned, grams))
            answered = replace(learned.predictions, values=values)
            signals = pipeline.decide(answered, learned.features, inputs.calendar, config.decision)
            ground = ground_of(
                config, inputs, replace(learned, predictions=answered, signals=signals)
            )
            ranked = ground.rank_ic()
            told = [
                p_value(
                    float(ranked.mean()),
                    [ground.judged(*move(ground, run, SEED))["rank_ic"] for run in range(RUNS)],
                )
                for move in MOVES.values()
            ]
            print(
                f"{horizon:>8}  {f'{grams[0]} to {grams[1]}':>10}  {ranked.mean():+.4f}"
                f"  {newey_west_t(ranked, horizon):+7.2f}  "
                + "  ".join(f"{'-' if p is None else f'{p:.2f}':<9}" for p in told)
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else CONFIG))
