"""The parts of the Study view: the finding, the table, two charts, and one image closely."""

from streamlit.delta_generator import DeltaGenerator

from components.draw.drawing import draw
from components.footer import take_entries
from components.section import Section, side_by_side
from components.share import Files
from components.study import charts, one_image, ranking
from components.study.form import KEY, StudyQuestion, map_count
from engine.attribution.study.findings import row_label
from engine.core.charts.drawing import Views
from engine.core.result import Table
from engine.core.result.spreadsheet import csv_text


def show(question: StudyQuestion, rest: DeltaGenerator) -> None:
    """The table when the study is known, else how it is asked for and how far it is.

    All that follows the table is drawn in `rest`, below the controls.
    """
    table = ranking.drawing(question.case)
    result = Section(
        KEY,
        question.method,
        question.case,
        button="Run the study",
        picture=lambda result: draw(table, result, f"{KEY}.table"),
        evidence=charts.DRAWINGS,
        detail=lambda result: ranking.show_claims(result["claims"]),
        growing=lambda partial: side_by_side([table], partial, KEY, 1, ".growing"),
        below=rest,
        files=lambda result: files(question, result),
        before=f"{map_count(question):,} maps are made and measured. The table grows image by "
        "image. You can stop at any time; what is done by then stays, and is kept.",
    ).show()
    if result:
        with rest:
            one_image.show(question, take_entries())


def files(question: StudyQuestion, result: Views) -> Files:
    return {"maps.csv": lambda: maps_csv(question, result["rows"])}


def maps_csv(question: StudyQuestion, rows: Table) -> str:
    words = {
        "method": [row_label(row.split(" · ")[0]) for row in rows.rows],
        "label": [question.case.model.labels[int(label)] for label in rows["label"]],
        "image": [int(image) for image in rows["image"]],
    }
    columns = {**rows.columns, **words}
    return csv_text([*columns], zip(*columns.values(), strict=True))
