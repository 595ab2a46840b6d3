"""Tables for use without a network: seeded generators of any length, and the real tables that scikit-learn brings.

The generators are synthetic: shaped like well-known public tables, but no value of theirs was ever measured.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator, model_validator

from millrace.errors import did_you_mean
from millrace.sources.base import Reading, Source

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Sample:
    """What a sample table is: its usual length, one sentence, and whether its values are real."""

    rows: int
    description: str
    real: bool = False


SAMPLES: dict[str, Sample] = {
    "air_quality": Sample(9357, "Hourly gas sensors and weather of a city street, as in UCI Air Quality."),
    "traffic": Sample(2976, "Vehicle counts of each quarter of an hour, with a traffic situation."),
    "energy_demand": Sample(26_280, "Hourly electricity demand of a region in MW."),
    "city_demand": Sample(26_784, "Hourly demand of three cities and the temperature, which is known a week ahead."),
    "energy_mix": Sample(26_280, "Hourly generation by source, and the price."),
    "building_energy": Sample(768, "Shapes of buildings with heating and cooling loads, as in UCI Energy Efficiency."),
    "ev_registrations": Sample(4603, "Registrations of electric vehicles."),
    "penguins": Sample(344, "Body measures of three species of penguins, some missing."),
    "wine": Sample(4898, "Laboratory values and quality of white wines."),
    "sensors": Sample(100_000, "Ten columns of machine telemetry: a time, a code, a category, six numbers, a target."),
    "sklearn/iris": Sample(150, "Fisher's iris flowers; target: the species.", real=True),
    "sklearn/wine": Sample(178, "Chemistry of wines from three growers; target: the grower.", real=True),
    "sklearn/breast_cancer": Sample(569, "Cell nuclei of tumours (Wisconsin); target: malignant or benign.", real=True),
    "sklearn/diabetes": Sample(442, "Progression of diabetes after a year; target: a number.", real=True),
    "sklearn/digits": Sample(1797, "Handwritten digits of 8 x 8 pixels; target: the digit.", real=True),
}


class SampleSource(Source):
    """A sample table. The same name, rows and seed give the same table, whatever the size of the chunks."""

    type: Literal["sample"] = "sample"
    name: str = Field(description=f"One of {', '.join(SAMPLES)}.")
    rows: int | None = Field(
        default=None, ge=1, le=1_000_000_000, description="Rows; default: as the public table has."
    )
    seed: int = Field(default=17, ge=0, description="Another seed gives another table of the same kind.")

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in SAMPLES:
            raise ValueError(f"'{name}' is no sample table. {did_you_mean(name, SAMPLES)}")
        return name

    @model_validator(mode="after")
    def _enough_real_rows(self) -> SampleSource:
        sample = SAMPLES[self.name]
        if sample.real and self.rows is not None and self.rows > sample.rows:
            raise ValueError(f"{self.name} is a real table of {sample.rows} rows; {self.rows} were asked for.")
        return self

    def read(self, reading: Reading) -> Iterator[pd.DataFrame]:
        """Yield the table; a synthetic one is made on the way, block by block."""
        from millrace.sources.samples.making import made, real_table

        sample = SAMPLES[self.name]
        rows = self.rows or sample.rows
        reading.origin.update(type="sample", name=self.name, synthetic=not sample.real)
        if sample.real:
            table = real_table(self.name).head(rows)
            for start in range(0, rows, reading.chunk_rows):
                yield table.iloc[start : start + reading.chunk_rows]
        else:
            reading.origin.update(seed=self.seed)
            yield from made(self.name, rows, self.seed, reading.chunk_rows)
