"""AEP: hourly demand of the last 90 days, forecast each midnight from lags and the calendar alone.

A day and a week ahead by the spec `city-energy-demand`, and a day ahead by `auto` within a minute. The candidate is
chosen on the 90 days before the held-out ones.
"""

from __future__ import annotations

from forecast_runs import AUTO, ForecastRun, forecast_run
from report import Row, emit

SPEC = "city-energy-demand"
PLAIN = "seasonal-naive {naive:.2f} %; LEAR alone {lear:.2f} %"
DAY_WIDTH = "a plain quantile pair 83.3 % (1,783 MW), conformalised 96.5 % (2,469 MW)"


def main() -> None:
    """Print the rows as JSON."""
    day = forecast_run(SPEC)
    naive, lear = (100 * day.metrics[name]["mape"] for name in ("seasonal_naive", "lear"))
    plain = PLAIN.format(naive=naive, lear=lear)
    _emit("AEP day-ahead", day, f"{plain}; scikit-learn HistGradientBoosting 3.06 %", DAY_WIDTH, goal=(2.75, 1900))
    auto = forecast_run(SPEC, **AUTO)
    _emit("AEP day-ahead, auto in 60 s", auto, f"the spec's own candidates {_mape(day)}", DAY_WIDTH, goal=(2.75, 1900))
    week = forecast_run(SPEC, forecast={"horizon": 168})
    naive, lear = (week.metrics[name] for name in ("seasonal_naive", "lear"))
    _emit(
        "AEP week-ahead",
        week,
        PLAIN.format(naive=100 * naive["mape"], lear=100 * lear["mape"]),
        f"seasonal-naive {100 * naive['coverage']:.1f} % ({naive['interval_width']:,.0f} MW)",
    )


def _mape(run: ForecastRun) -> str:
    return f"{100 * run.metrics[run.best]['mape']:.2f} %"


def _emit(name: str, run: ForecastRun, errors: str, widths: str, goal: tuple[float, float] | None = None) -> None:
    """The error of a run and its interval, each beside what it is compared with."""
    best = run.metrics[run.best]
    mape, (low, high) = 100 * best["mape"], [100 * end for end in run.intervals["mape"]]
    covered, width = 100 * best["coverage"], best["interval_width"]
    figure = f"{_mape(run)} ({low:.2f} to {high:.2f}), {run.best}, {run.seconds:.0f} s"
    within = f"covers {covered:.1f} %, {width:,.0f} MW wide"
    if goal is None:
        emit(Row(f"{name}, MAPE", figure, errors, "-", "-"))
        emit(Row("the same, its 90 % interval", within, widths, "-", "-"))
        return
    most, widest = goal
    emit(Row(f"{name}, MAPE", figure, errors, "met" if mape <= most else "not met", f"at most {most} %"))
    met = 88 <= covered <= 92 and width <= widest
    target = f"88 to 92 % at a width of at most {widest:,} MW"
    emit(Row("the same, its 90 % interval", within, widths, "met" if met else "not met", target))


if __name__ == "__main__":
    main()
