"""AEP, day-ahead: hourly demand of the last 90 days, each day forecast at midnight from lags and the calendar alone.

The spec is `city-energy-demand` as it stands: its candidates are chosen on the 90 days before the held-out ones.
"""

from __future__ import annotations

from forecast_runs import forecast_run
from report import Row, emit

PLAIN = "seasonal-naive {naive:.2f} %; LEAR alone {lear:.2f} %; scikit-learn HistGradientBoosting 3.06 %"


def main() -> None:
    """Print the rows as JSON."""
    run = forecast_run("city-energy-demand")
    best = run.metrics[run.best]
    mape, (low, high) = 100 * best["mape"], [100 * end for end in run.intervals["mape"]]
    others = PLAIN.format(naive=100 * run.metrics["seasonal_naive"]["mape"], lear=100 * run.metrics["lear"]["mape"])
    emit(
        Row(
            "AEP day-ahead, MAPE",
            f"{mape:.2f} % ({low:.2f} to {high:.2f}), {run.best}, {run.seconds:.0f} s",
            others,
            "met" if mape <= 2.75 else "not met",
            "at most 2.75 %",
        )
    )
    covered, width = 100 * best["coverage"], best["interval_width"]
    emit(
        Row(
            "the same, its 90 % interval",
            f"covers {covered:.1f} %, {width:,.0f} MW wide",
            "a plain quantile pair 83.3 % (1,783 MW), conformalised 96.5 % (2,469 MW)",
            "met" if 88 <= covered <= 92 and width <= 1900 else "not met",
            "88 to 92 % at a width of at most 1,900 MW",
        )
    )


if __name__ == "__main__":
    main()
