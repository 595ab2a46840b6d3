"""IEA, electric share of new cars by region: the last two known years held out, MASE of the median region.

The spec is `ev-adoption`, once as it stands and once with `auto`: candidates are chosen on the years before.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from forecast_runs import AUTO, forecast_run
from report import Row, emit

RESAMPLES, SEED = 2000, 17


def main() -> None:
    """Print the rows as JSON."""
    run, auto = forecast_run("ev-adoption"), forecast_run("ev-adoption", **AUTO)
    plain = scaled_errors(run.steps, ["seasonal_naive", "drift"])
    for name, one in (("", run), (", auto in 60 s", auto)):
        _emit(name, one.best, one.seconds, plain.join(scaled_errors(one.steps, [one.best]), rsuffix="_best"))


def _emit(name: str, best: str, seconds: float, regions: pd.DataFrame) -> None:
    last, drift, ours = (float(regions[column].median()) for column in regions.columns)
    low, high = resampled(regions.iloc[:, 2] - regions["drift"])
    emit(
        Row(
            f"IEA{name}, MASE of the median of {len(regions)} regions",
            f"{ours:.2f}, {best}, {seconds:.0f} s",
            f"last value {last:.2f}; drift {drift:.2f} (median of the differences: 95 % {low:.2f} to {high:.2f})",
            "met" if ours < min(last, drift) else "not met",
            "below both",
        )
    )


def scaled_errors(steps: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    """Each region's mean absolute scaled error, by candidate."""
    errors = {name: (steps[name] - steps["truth"]).abs() / steps["scale"] for name in names}
    return pd.DataFrame(errors).groupby(steps["series"]).mean()


def resampled(differences: pd.Series) -> tuple[float, float]:
    """The 95 % interval of the median over resampled regions."""
    rng = np.random.default_rng(SEED)
    medians = np.median(rng.choice(differences.to_numpy(), (RESAMPLES, len(differences))), axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(low), float(high)


if __name__ == "__main__":
    main()
