"""Could it be luck, or a leak? Placebos, corrections, stress and event studies of a run."""
